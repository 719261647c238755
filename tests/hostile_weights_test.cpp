// Weight files that were made to do harm: whatever they claim, they are refused by an Error, with little
// memory.
#include <esrgan/error.h>

#include <cstring>
#include <functional>

#include "base/limits.h"
#include "model/choose_network.h"
#include "model/family.h"
#include "support.h"
#include "weights/pth.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

/// Tensors of zeros.
StateDict zeros(const std::vector<std::pair<std::string, std::vector<int64_t>>>& tensors) {
  StateDict dict{"given.file", "safetensors", {}, {}};
  for (const auto& [name, shape] : tensors)
    dict.tensors[name] = {shape, std::vector<float>(element_count(shape).value()), ElementType::f32};
  return dict;
}

/// What is said when a network is made of it; empty when it can be.
std::string refusal(StateDict dict) {
  return test::error_of([&] { build_graph(detect_model(std::move(dict))); });
}

using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

Shapes rrdbnet(const Shapes& more, int features = 8, int growth = 4) {
  Shapes shapes{{"conv_first.weight", {features, 3, 3, 3}},
                {"conv_body.weight", {features, features, 3, 3}},
                {"conv_hr.weight", {features, features, 3, 3}},
                {"conv_last.weight", {3, features, 3, 3}}};
  for (int k = 1; k <= 3; ++k)
    for (int j = 1; j <= 5; ++j)
      shapes.push_back({"body.0.rdb" + std::to_string(k) + ".conv" + std::to_string(j) + ".weight",
                        {j < 5 ? growth : features, features + growth * (j - 1), 3, 3}});
  shapes.insert(shapes.end(), more.begin(), more.end());
  return shapes;
}

TEST(HostileWeights, LongNamesAreNamesLikeOthers) {
  const std::string name = "conv_first." + std::string(300'000, 'a');
  EXPECT_NE(refusal(zeros({{"RRDB_trunk.0.RDB1.conv1.weight", {4}}, {name, {1}}})), "");
  EXPECT_NE(refusal(zeros({{"block2.conv1.weight", {4}}, {"block" + std::string(300'000, '1'), {1}}})), "");
  std::string dots;
  for (int i = 0; i < 100'000; ++i) dots += "body.0.";
  EXPECT_NE(refusal(zeros({{dots + "weight", {1}}, {dots + "rdb1.conv1.weight", {1}}})), "");
}

TEST(HostileWeights, UpscalingsAreBounded) {
  Shapes shapes{{"conv_first.weight", {8, 3, 3, 3}},   {"body.0.conv1.weight", {8, 8, 3, 3}},
                {"body.0.conv2.weight", {8, 8, 3, 3}}, {"upconv1.weight", {16384, 8, 1, 1}},
                {"conv_hr.weight", {1, 1, 1, 1}},      {"conv_last.weight", {3, 1, 1, 1}}};
  for (int i = 2; i <= 5; ++i) shapes.push_back({"upconv" + std::to_string(i) + ".weight", {16384, 1, 1, 1}});
  EXPECT_NE(refusal(zeros(shapes)), "");
  for (const int scale : {2, 16, 64, 128}) {
    const Shapes compact{
        {"body.0.weight", {8, 1, 3, 3}}, {"body.1.weight", {8}}, {"body.2.weight", {scale * scale, 8, 3, 3}}};
    EXPECT_EQ(refusal(zeros(compact)).empty(), scale <= limits::scale)
        << scale << " " << refusal(zeros(compact));
  }
  Shapes ups;
  for (int i = 1; i <= 40; ++i) ups.push_back({"conv_up" + std::to_string(i) + ".weight", {8, 8, 3, 3}});
  EXPECT_NE(refusal(zeros(rrdbnet(ups))).find("upsampling layers"), std::string::npos);
}

TEST(HostileWeights, StepsOfUnequalFactorsAreRight) {
  const StateDict dict = zeros({{"conv_first.weight", {8, 3, 3, 3}},
                                {"body.0.conv1.weight", {8, 8, 3, 3}},
                                {"body.0.conv2.weight", {8, 8, 3, 3}},
                                {"upconv1.weight", {32, 8, 3, 3}},
                                {"upconv2.weight", {72, 8, 3, 3}},
                                {"conv_hr.weight", {8, 8, 3, 3}},
                                {"conv_last.weight", {3, 8, 3, 3}}});
  const Model model = detect_model(dict);
  EXPECT_EQ(model.architecture.scale, 6);
  EXPECT_EQ(build_graph(model).output_density(), 6);
}

TEST(HostileWeights, ShapesWithoutElementsAreNoLayers) {
  EXPECT_NE(refusal(zeros(rrdbnet({{"conv_up1.weight", {8, 0, 4, 4}},
                                   {"conv_up1.bias", {0}},
                                   {"conv_up2.weight", {0, int64_t{1} << 33U, 4, 4}},
                                   {"conv_up2.bias", {0}}})))
                .find("conv_up1.weight"),
            std::string::npos);
}

/// Whatever the length of the header, the file is told from a pickle.
TEST(HostileWeights, EveryHeaderLengthIsRead) {
  for (size_t length = 64; length < 2048; ++length) {
    std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    header.resize(length, ' ');
    std::vector<uint8_t> bytes(8 + length + 1);
    std::memcpy(bytes.data(), &length, 8);
    std::memcpy(bytes.data() + 8, header.data(), length);
    ASSERT_FALSE(looks_like_pth(bytes)) << length;
    ASSERT_EQ(read_safetensors(bytes, "given.file", select_all).tensors.size(), 1U) << length;
  }
}

TEST(HostileWeights, TensorsThatLieOverEachOtherAreNotCopied) {
  constexpr int tensors = 2000, size = 150'000;  // 300 MB of bytes, 1.2 GB as floats
  std::string header = "{";
  for (int i = 0; i < tensors; ++i)
    header += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + R"(":{"dtype":"U8","shape":[)" +
              std::to_string(size) + R"(],"data_offsets":[0,)" + std::to_string(size) + "]}";
  header += "}";
  std::vector<uint8_t> bytes(8 + header.size() + size);
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), length);
  EXPECT_NE(test::error_of([&] { read_safetensors(bytes, "given.file", select_all); }).find("overlaps"),
            std::string::npos);
}

/// 600 KB that would become 1 GB of products.
TEST(HostileWeights, InnerLayersOfSpanAreAsWideAsPublished) {
  const auto conv3xc = [](const std::string& name, int in, int inner, int wide, int out) {
    return Shapes{{name + ".sk.weight", {out, in, 1, 1}},
                  {name + ".conv.0.weight", {inner, in, 1, 1}},
                  {name + ".conv.1.weight", {wide, inner, 3, 3}},
                  {name + ".conv.2.weight", {out, wide, 1, 1}}};
  };
  const auto span = [&](const Shapes& odd) {
    Shapes shapes{
        {"no_norm", {1}}, {"conv_cat.weight", {4, 16, 1, 1}}, {"upsampler.0.weight", {12, 4, 3, 3}}};
    const auto add = [&](const Shapes& more) { shapes.insert(shapes.end(), more.begin(), more.end()); };
    add(odd);
    for (int n = 1; n <= 6; ++n)
      for (int k = 1; k <= 3; ++k)
        add(conv3xc("block_" + std::to_string(n) + ".c" + std::to_string(k) + "_r", 4, 8, 8, 4));
    add(conv3xc("conv_2", 4, 8, 8, 4));
    return refusal(zeros(shapes));
  };
  EXPECT_EQ(span(conv3xc("conv_1", 3, 6, 8, 4)), "");
  EXPECT_NE(span(conv3xc("conv_1", 12'000, 1, 12'000, 1)).find("'conv_1'"), std::string::npos);
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(HostileWeights, CopiesWithinAPickleAreBounded) {
  // One list of 60 000 pairs, and 3000 dicts made of it.
  const std::string pickle =
      std::string("\x80\x02NN\x86q\0000](", 10) + repeated(std::string("h\0", 2), 60'000) + "eq\x01" +
      "0ccollections\nOrderedDict\nq\x02" + "0" + repeated("h\x02h\x01\x85R0", 3000) + "N.";
  const std::vector<uint8_t> bytes(pickle.begin(), pickle.end());
  const std::string said = test::error_of([&] { read_pth(bytes, "given.file", select_all); });
  EXPECT_NE(said.find("memory"), std::string::npos) << said;
}

TEST(HostileWeights, DictsThatHoldEachOtherAreReadOnce) {
  // Eight levels, each of which holds the next a hundred times.
  std::string pickle("\x80\x02}", 3);
  for (int level = 0; level < 8; ++level) {
    pickle += "q" + std::string(1, static_cast<char>(level)) + "0}(";
    for (int i = 0; i < 100; ++i)
      pickle += "U" + std::string(1, '\x01') + std::string(1, static_cast<char>('0' + i)) + "h" +
                std::string(1, static_cast<char>(level));
    pickle += "u";
  }
  const std::string magic(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.", 25);
  const std::string file = magic + pickle + ".\x80\x02].";
  const std::string said = test::error_of([&] {
    read_pth({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, "given.file", select_all);
  });
  EXPECT_NE(said.find("no tensors"), std::string::npos) << said;
}

TEST(HostileWeights, NetworksThatCannotRunAreCalledByTheirNames) {
  const std::pair<const char*, std::vector<const char*>> networks[] = {
      {"SwinIR", {"layers.0.residual_group.blocks.0.attn.relative_position_index"}},
      {"HAT",
       {"layers.0.residual_group.overlap_attn.relative_position_bias_table",
        "layers.0.residual_group.blocks.0.attn.relative_position_index"}},
      {"DAT", {"layers.0.blocks.0.attn.attns.0.rpe_biases"}},
      {"RGT", {"layers.0.blocks.0.attn.attns.0.rpe_biases", "layers.0.blocks.0.gamma"}},
      {"RealPLKSR", {"feats.1.lk.conv.weight", "feats.1.channel_mixer.0.weight", "feats.1.refine.weight"}},
      {"OmniSR", {"residual_layer.0.residual_layer.0.layer.0.fn.0.weight"}},
      {"RCAN",
       {"body.0.body.0.body.3.conv_du.0.weight", "body.0.body.0.body.0.weight",
        "body.0.body.0.body.2.weight"}},
      {"EDSR", {"head.0.weight", "body.0.body.0.weight", "body.0.body.2.weight", "tail.0.0.weight"}},
      {"MM-RealSR", {"body.0.rdb1.conv1.weight", "de_net.conv_first.0.weight"}}};
  for (const auto& [name, tensors] : networks)
    for (const std::string prefix : {"", "params_ema.", "module.net_g."}) {
      Shapes shapes;
      for (const char* tensor : tensors) shapes.push_back({prefix + tensor, {1}});
      const std::string said = refusal(zeros(shapes));
      EXPECT_NE(said.find("a " + std::string(name) + " network"), std::string::npos) << name << ": " << said;
    }
}

}  // namespace
}  // namespace esrgan
