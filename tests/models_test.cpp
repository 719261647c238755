// The models that are known, and how they are found by what people call them.
#include <esrgan/error.h>
#include <esrgan/log.h>
#include <esrgan/models.h>

#include "model/model.h"
#include "model/model_names.h"
#include "support.h"
#include "weights/builtin.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

class Models : public test::RandomTest {
 protected:
  Models() {
    ::setenv("ESRGAN_MODELS", folder_.path().c_str(), 1);
    set_log_sink([this](LogLevel, const std::string&) { ++warnings_; });
  }
  ~Models() override {
    set_log_sink({});
    ::unsetenv("ESRGAN_MODELS");
  }
  void put(const std::string& name, const std::string& objective = "") {
    StateDict weights = test::small_network(random_);
    if (!objective.empty()) weights.metadata["esrgan.objective"] = objective;
    write_safetensors(weights, ElementType::f32, folder_ / name);
  }
  static std::string message(const std::string& name) {
    return test::error_of([&] { find_model(name); });
  }
  test::TemporaryFolder folder_;
  int warnings_ = 0;
};

TEST_F(Models, AreFoundByTheNamesThatOtherProgramsGiveThem) {
  const std::pair<const char*, const char*> names[] = {
      {"RealESRGAN_x4plus", "realesrgan-x4plus"},
      {"RealESRGAN_x4plus.pth", "realesrgan-x4plus"},
      {"realesrgan-x4plus", "realesrgan-x4plus"},
      {"REALESRGAN_X4PLUS_ANIME_6B", "realesrgan-x4plus-anime"},
      {"realesr-animevideov3", "realesr-animevideov3-x4"},
      {"realesr_animevideov3.pth", "realesr-animevideov3-x4"},
      {"realesr-animevideov3-x4", "realesr-animevideov3-x4"},
      {"models-DF2K", "realsr-df2k-x4"},
      {"realsr_df2k", "realsr-df2k-x4"}};
  for (const auto& [alias, name] : names) {
    EXPECT_NE(message(alias).find(std::string("'") + name + "' is not installed"), std::string::npos)
        << message(alias);
    put(std::string(name) + ".safetensors");
    EXPECT_EQ(find_model(alias), folder_ / (std::string(name) + ".safetensors")) << alias;
    std::filesystem::remove(folder_ / (std::string(name) + ".safetensors"));
  }
}

TEST_F(Models, FilesGoByTheirOwnNamesFirst) {
  put("realesrgan-x4plus.safetensors");
  put("RealESRGAN_x4plus.pth");
  EXPECT_EQ(find_model("RealESRGAN_x4plus"), folder_ / "RealESRGAN_x4plus.pth");
  EXPECT_EQ(find_model("realesrgan_x4plus"), folder_ / "realesrgan-x4plus.safetensors");
  // Under a peer's name alone it is that model all the same.
  std::filesystem::remove(folder_ / "realesrgan-x4plus.safetensors");
  EXPECT_EQ(find_model("realesrgan-x4plus"), folder_ / "RealESRGAN_x4plus.pth");
  put("My_Own.safetensors");
  EXPECT_EQ(find_model("my-own.pth"), folder_ / "My_Own.safetensors");
}

TEST_F(Models, AnUnknownNameIsAnsweredWithTheNearest) {
  put("lovely-comics.safetensors");
  EXPECT_NE(message("RealESRGAN_x2plus").find("is 'realesrgan-x4plus' meant?"), std::string::npos);
  EXPECT_NE(message("weights/realesrgan.pth").find("is 'realesrgan-x4plus' meant?"), std::string::npos);
  EXPECT_NE(message("lovly_comics").find("is 'lovely-comics' meant?"), std::string::npos);
  EXPECT_EQ(message("qqqqqqqq").find("meant"), std::string::npos) << message("qqqqqqqq");
  EXPECT_EQ(nearest_model_name("", {"a"}), "");
  EXPECT_EQ(nearest_model_name(std::string(100'000, 'a'), {"a"}), "");
}

TEST_F(Models, ThoseInsideTheProgramNeedNoFile) {
  const std::string name = default_model();
  EXPECT_EQ(name, "builtin-x4");
  const std::string path = find_model("Builtin_x4.safetensors");
  EXPECT_EQ(path, "builtin:/builtin-x4.safetensors");
  EXPECT_EQ(find_model(path), path);
  const Model model = read_model(path);
  EXPECT_EQ(model.architecture.scale, 4);
  EXPECT_EQ(model.weights.metadata.at("esrgan.objective"), "psnr");
  EXPECT_NE(message("builtn-x4").find("is 'builtin-x4' meant?"), std::string::npos);
  EXPECT_THROW(find_model("builtin:/absent.safetensors"), Error);
  EXPECT_EQ(default_model({}, 2), "builtin-x2");
  EXPECT_EQ(default_model(Objective::gan), "builtin-real-x4");
  EXPECT_EQ(default_model(Objective::gan, 2), "builtin-real-x4");
  // A file of that name in the folder takes its place.
  put("builtin-x4.safetensors");
  EXPECT_EQ(find_model("builtin-x4"), folder_ / "builtin-x4.safetensors");
  EXPECT_EQ(default_model(Objective::psnr), "builtin-x4");
  put("realesrgan-x4plus.safetensors");
  EXPECT_EQ(default_model(), "realesrgan-x4plus");
}

TEST_F(Models, TheDefaultIsFoundWithoutALookIntoFilesThatAreNotNeeded) {
  test::write_bytes(folder_ / "a-bad-one.safetensors", {1, 2, 3});
  put("realsr-df2k-x4.safetensors");
  EXPECT_EQ(default_model(Objective::gan), "realsr-df2k-x4");
  EXPECT_EQ(warnings_, 0);
  std::filesystem::remove(folder_ / "realsr-df2k-x4.safetensors");
  put("b.safetensors", "gan");
  // Of a file only the header: its tensors may be missing.
  std::filesystem::resize_file(folder_ / "b.safetensors",
                               std::filesystem::file_size(folder_ / "b.safetensors") - 100);
  EXPECT_EQ(default_model(Objective::gan), "b");
  EXPECT_EQ(warnings_, 1);
}

TEST_F(Models, TheListHasAllWithTheirAliases) {
  put("realesrgan-x4plus.safetensors");
  put("mine.safetensors", "psnr");
  const std::vector<KnownModel> models = list_models();
  const size_t first = builtin_weights().size();
  ASSERT_EQ(models.size(), first + 5);
  EXPECT_TRUE(models[0].installed);
  EXPECT_FALSE(models[0].purpose.empty() || models[0].licence.empty());
  EXPECT_EQ(models[first].aliases, std::vector<std::string>{"RealESRGAN_x4plus"});
  EXPECT_FALSE(models[first + 1].installed);
  EXPECT_EQ(models[first + 4].name, "mine");
  EXPECT_EQ(models[first + 4].objective, Objective::psnr);
}

}  // namespace
}  // namespace esrgan
