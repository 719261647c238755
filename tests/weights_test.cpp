// Weight files: round trips, and that damaged or hostile ones are refused with the file's name.
#include <esrgan/error.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "model/choose_network.h"
#include "support.h"
#include "weights/ncnn.h"
#include "weights/pickle.h"
#include "weights/pth.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

class Weights : public test::RandomTest {};

std::vector<uint8_t> safetensors(const std::string& header, size_t data) {
  std::vector<uint8_t> bytes(8 + header.size() + data);
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

/// The message with which `bytes` are refused, or empty.
std::string refusal(const std::vector<uint8_t>& bytes) {
  try {
    looks_like_pth(bytes) ? read_pth(bytes, "given.file", select_all)
                          : read_safetensors(bytes, "given.file", select_all);
  } catch (const Error& error) {
    EXPECT_EQ(error.file(), "given.file");
    return error.what();
  }
  return "";
}

TEST_F(Weights, SafetensorsRoundTrip) {
  const test::TemporaryFolder folder;
  StateDict dict = test::small_network(random_);
  dict.metadata["esrgan.purpose"] = "a \"quoted\" text, ü";
  write_safetensors(dict, ElementType::f32, folder / "full.safetensors");
  const StateDict full = read_weights(folder / "full.safetensors");
  ASSERT_EQ(full.tensors.size(), dict.tensors.size());
  for (const auto& [name, tensor] : dict.tensors) {
    EXPECT_EQ(full.at(name).values, tensor.values) << name;
    EXPECT_EQ(full.at(name).shape, tensor.shape) << name;
  }
  EXPECT_EQ(full.metadata, dict.metadata);
  write_safetensors(full, ElementType::f16, folder / "half.safetensors");
  const StateDict half = read_weights(folder / "half.safetensors");
  for (const auto& [name, tensor] : dict.tensors)
    for (size_t i = 0; i < tensor.values.size(); ++i)
      EXPECT_NEAR(half.at(name).values[i], tensor.values[i],
                  std::abs(tensor.values[i]) * 0x1p-11F + 0x1p-25F);
}

TEST_F(Weights, EveryTruncationOfASafetensorsFileIsRefused) {
  const test::TemporaryFolder folder;
  write_safetensors(test::small_network(random_, 2, 0, 1), ElementType::f32, folder / "w.safetensors");
  const std::vector<uint8_t> bytes = test::read_bytes(folder / "w.safetensors");
  EXPECT_EQ(refusal(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)}), "") << size << " bytes";
}

TEST(Safetensors, DamagedHeadersAreRefused) {
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_EQ(refusal(safetensors("{" + a + "}", 8)), "");
  const std::pair<std::string, std::string> damaged[] = {
      {"{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "overlaps"},
      {"{" + a + R"(,"b":{"dtype":"F32","shape":[0],"data_offsets":[9,9]}})", "past the end"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "gap"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "does not fit its shape"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "damaged entry"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
       "does not fit its shape"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "past the end"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", "past the end"},
      {R"({"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}})", "element type"},
      {R"({"a":{"dtype":"F32","shape":"x","data_offsets":[0,8]}})", "damaged entry"},
      {R"({"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", "damaged entry"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,1e300]}})", "damaged entry"},
      {R"({"a":7})", "damaged entry"},
      {"{" + a + "," + a + "}", "twice"},
      {"[1]", "JSON object"},
      {"{", "JSON"}};
  for (const auto& [header, reason] : damaged)
    EXPECT_NE(refusal(safetensors(header, 8)).find(reason), std::string::npos)
        << header << "\n"
        << refusal(safetensors(header, 8));
}

TEST(Pickle, NothingIsEverRun) {
  // What pickle.dumps writes for an object whose __reduce__ is (os.system, ("...",)).
  const std::string program =
      "\x80\x02"
      "cposix\nsystem\nq\x01X\x0c\x00\x00\x00touch hacked\x85Rq\x02.";
  const std::vector<uint8_t> bytes(program.begin(), program.end());
  EXPECT_NE(refusal(bytes).find("posix.system"), std::string::npos) << refusal(bytes);
  EXPECT_FALSE(std::filesystem::exists("hacked"));
  for (const std::string evil :
       {"cbuiltins\neval\n.", "c__builtin__\nexec\n.", "ctorch\nload\n.", "ccollections\nOrderedDictX\n."}) {
    const std::string text = "\x80\x02" + evil;
    EXPECT_NE(refusal({text.begin(), text.end()}).find("not data"), std::string::npos) << evil;
  }
}

TEST_F(Weights, RandomBytesAreRefusedOrReadButNeverCrash) {
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> bytes{0x80, 0x02};
    static const uint8_t opcodes[] = "}]()tusaeqrhjcRbQ.KMJXGN0\x85\x86\x87\x88\x8a\x94";
    for (int i = between(0, 60); i > 0; --i)
      bytes.push_back(between(0, 3) == 0 ? static_cast<uint8_t>(between(0, 255))
                                         : opcodes[between(0, sizeof opcodes - 2)]);
    pickle::Reader reader(bytes, "given.file");
    try {
      reader.read();
    } catch (const Error& error) {
      EXPECT_EQ(error.file(), "given.file");
    }
  }
}

/// What torch.save() wrote before version 1.6, of nested dicts with tensors of two numbers in them.
class Checkpoint {
 public:
  /// `pickle` is the code of the root, `storages` are the numbers of its tensors.
  static std::vector<uint8_t> of(const std::string& pickle, const std::vector<int>& storages) {
    std::string bytes = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";  // the magic number
    bytes += "\x80\x02M\xe9\x03.";                                                    // 1001
    bytes += "\x80\x02}.\x80\x02" + pickle + ".\x80\x02](";
    for (const int storage : storages) bytes += text(std::to_string(storage));
    bytes += "e.";
    for (size_t i = 0; i < storages.size(); ++i)
      bytes += std::string("\x02\0\0\0\0\0\0\0", 8) + std::string("\0\0\x80\x3f\0\0\0\x40", 8);  // 1, 2
    return {bytes.begin(), bytes.end()};
  }
  static std::string text(const std::string& value) {
    return "X" + std::string(1, static_cast<char>(value.size())) + std::string(3, '\0') + value;
  }
  /// A dict that is taken for a compact network by its names; the second's values are 1 and 2.
  static std::string network(int storage) {
    return dict({{"body.0.weight", tensor(storage)}, {"body.2.weight", tensor(storage)}});
  }
  static std::string number(int value) { return "K" + std::string(1, static_cast<char>(value)); }
  static std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
    std::string code = "}(";
    for (const auto& [key, value] : entries) code += text(key) + value;
    return code + "u";
  }
  static std::string tensor(int storage) {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
           text(std::to_string(storage)) + text("cpu") + "K\x02tQK" + std::string(1, '\0') +
           "K\x02\x85K\x01\x85\x89"
           "ccollections\nOrderedDict\n)RtR";
  }
};

TEST(Checkpoints, TheNetworkIsFoundAmongWhatATrainerSaves) {
  using C = Checkpoint;
  const std::string unknown = C::dict({{"b", C::tensor(0)}}), first = C::network(0), second = C::network(1);
  struct Case {
    std::string root;
    std::vector<int> storages;
    std::string tensor, remark;
  };
  const Case cases[] = {
      {first, {0}, "body.0.weight", ""},
      {C::dict({{"epoch", C::number(3)}, {"my_net", unknown}}), {0}, "b", ""},
      {C::dict({{"state_dict", C::dict({{"params", first}})}}), {0}, "body.0.weight", ""},
      {C::dict({{"discriminator", unknown}, {"generator", second}}),
       {0, 1},
       "body.0.weight",
       "'generator' is taken"},
      {C::dict({{"net_d", unknown}, {"net", second}, {"iter", C::number(9)}}),
       {0, 1},
       "body.0.weight",
       "'net' is taken; left out: 'net_d'"},
      {C::dict({{"state_dict", C::dict({{"model", C::dict({{"net_g", second}, {"net_d", unknown}})}})}}),
       {0, 1},
       "body.0.weight",
       "'state_dict.model.net_g' is taken; left out: 'state_dict.model.net_d'"},
      {C::dict({{"params", first}, {"model_ema", second}}), {0, 1}, "body.0.weight", "'model_ema' is taken"},
      {C::dict({{"params", first}, {"params_ema", second}}),
       {0, 1},
       "body.0.weight",
       "'params_ema' is taken"}};
  for (const Case& each : cases) {
    const StateDict dict = read_pth(C::of(each.root, each.storages), "given.file", choose_network);
    ASSERT_EQ(dict.tensors.size(), each.tensor == "b" ? 1U : 2U);
    EXPECT_EQ(dict.at(each.tensor).values, (std::vector<float>{1, 2}));
    ASSERT_EQ(dict.remarks.size(), each.remark.empty() ? 0U : 1U);
    if (!each.remark.empty()) {
      EXPECT_NE(dict.remarks[0].find(each.remark), std::string::npos) << dict.remarks[0];
    }
  }
}

TEST(Checkpoints, WithoutTensorsWhatIsThereIsTold) {
  using C = Checkpoint;
  const std::string none = refusal(C::of(C::dict({{"epoch", C::number(3)}, {"arch", C::text("x")}}), {}));
  EXPECT_NE(none.find("found the keys 'epoch', 'arch'"), std::string::npos) << none;
  EXPECT_NE(refusal(C::of("]", {})).find("a list of 0"), std::string::npos) << refusal(C::of("]", {}));
}

TEST_F(Weights, NumbersThatAreNotFiniteAreNamedWithTheirTensor) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "w.safetensors";
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    StateDict dict = test::small_network(random_);
    dict.tensors.at("body.3.weight").values[3] = value;
    write_safetensors(dict, ElementType::f32, file);
    try {
      read_weights(file);
      ADD_FAILURE() << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.file(), file);
      EXPECT_NE(std::string(error.what()).find("tensor 'body.3.weight' holds numbers that are not finite"),
                std::string::npos)
          << error.what();
    }
  }
}

TEST_F(Weights, OtherKindsOfFilesAreCalledByTheirNames) {
  const test::TemporaryFolder folder;
  write_image(test::make_picture(9, 7, 3), folder / "picture.png");
  const auto bytes_of = [](const std::string& text) {
    return std::vector<uint8_t>(text.begin(), text.end());
  };
  const std::pair<std::vector<uint8_t>, std::string> files[] = {
      {bytes_of("\x08\x07\x12\x07pytorch"), "this ONNX file holds no network"},
      {bytes_of("\x08\x07\x12\x09pytorch"), "damaged or truncated ONNX file"},
      {bytes_of("\xEF\xBB\xBF\n <!doctype HTML><p>"), "web page"},
      {bytes_of("<html lang=en>"), "web page"},
      {bytes_of("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"), "git lfs pull"},
      {test::read_bytes(folder / "picture.png"), "a picture (PNG)"},
      {bytes_of("GGUF\x03"), "GGUF"},
      {bytes_of("7767517\n3 3\n"), ".param"}};
  for (const auto& [bytes, name] : files) {
    test::write_bytes(folder / "w.pth", bytes);
    for (const bool metadata_only : {false, true}) try {
        metadata_only ? void(read_weights_metadata(folder / "w.pth")) : void(read_weights(folder / "w.pth"));
        ADD_FAILURE() << name;
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
      }
  }
  // A header whose length begins like an ONNX file.
  std::string header = R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.resize(0x120708, ' ');
  test::write_bytes(folder / "w.pth", safetensors(header, 8));
  EXPECT_EQ(read_weights(folder / "w.pth").tensors.size(), 1U);
  EXPECT_EQ(read_weights_metadata(folder / "w.pth"), (std::map<std::string, std::string>{{"k", "v"}}));
}

/// The same tensors under other names.
StateDict renamed(const StateDict& weights, const std::function<std::string(const std::string&)>& rename) {
  StateDict result{weights.file, weights.format, {}, {}};
  for (const auto& [name, tensor] : weights.tensors) result.tensors[rename(name)] = tensor;
  return result;
}

TEST_F(Weights, MarksOfCompilersAndTrainersAreDropped) {
  const StateDict plain = test::small_network(random_);
  const std::function<std::string(const std::string&)> namings[] = {
      [](const std::string& name) { return "_orig_mod." + name; },
      [](const std::string& name) { return "module._orig_mod." + name; },
      [](const std::string& name) { return "_orig_mod.module." + name; },
      [](const std::string& name) { return name.substr(0, 7) + "_orig_mod." + name.substr(7); },
      [](const std::string& name) { return "net_g.module." + name; }};
  for (const auto& naming : namings) {
    const Model model = detect_model(renamed(plain, naming));
    ASSERT_EQ(model.weights.tensors.size(), plain.tensors.size());
    for (const auto& [name, tensor] : plain.tensors) EXPECT_EQ(model.weights.at(name).values, tensor.values);
  }
  StateDict twice = renamed(plain, [](const std::string& name) { return "_orig_mod." + name; });
  twice.tensors["body.0.weight"] = plain.at("body.0.weight");
  EXPECT_THROW(detect_model(twice), Error);
}

TEST_F(Weights, OfSeveralNetworksTheGeneratorIsTaken) {
  const StateDict generator = test::small_network(random_), average = test::small_network(random_);
  StateDict all = renamed(generator, [](const std::string& name) { return "generator." + name; });
  all.tensors["discriminator.conv0.weight"] = {{1}, {1}, ElementType::f32};
  all.tensors["step_counter"] = {{1}, {1}, ElementType::f32};
  const Model model = detect_model(all);
  EXPECT_EQ(model.weights.at("body.2.weight").values, generator.at("body.2.weight").values);
  EXPECT_EQ(model.weights.tensors.size(), generator.tensors.size());
  EXPECT_NE(model.reasons.at(0).find("'generator' is taken; left out: 'discriminator', 'step_counter'"),
            std::string::npos)
      << model.reasons[0];
  for (const auto& [name, tensor] : average.tensors) all.tensors["generator_ema." + name] = tensor;
  EXPECT_EQ(detect_model(all).weights.at("body.2.weight").values, average.at("body.2.weight").values);
}

constexpr const char* compact_param = R"(7767517
7 8
Input            in    0 1 data
Split            split 1 2 data d0 d1
Convolution      c0    1 1 d0 a 0=2 1=3 4=1 5=1 6=54
PReLU            p0    1 1 a b 0=2
Convolution      c1    1 1 b c 0=12 1=3 4=1 5=1 6=216
PixelShuffle     ps    1 1 c e 0=2
Interp           up    1 1 d1 f 0=1 1=2.0 2=2.0
BinaryOp         add   2 1 e f out
)";

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Ncnn, ReadsACompactNetworkAndRefusesWhatDoesNotFit) {
  const std::string param = with(compact_param, "7 8", "8 8");
  std::vector<uint8_t> bin(4 + 54 * 4 + 2 * 4 + 2 * 4 + 4 + 216 * 4 + 12 * 4, 0);
  const auto read = [&](const std::string& text, const std::vector<uint8_t>& data) {
    return read_ncnn(text, data, "a.param", "a.bin");
  };
  const Model model = [&] {
    const test::CommaLocale german;
    return detect_model(read(param, bin));
  }();
  EXPECT_EQ(model.architecture.scale, 2);
  const Graph graph = build_graph(model);
  EXPECT_EQ(graph.map(graph.output).channels, 3);
  for (size_t size = 0; size < bin.size(); size += 3)
    EXPECT_THROW(read(param, {bin.begin(), bin.begin() + static_cast<ptrdiff_t>(size)}), Error) << size;
  bin.push_back(0);
  EXPECT_THROW(read(param, bin), Error);  // longer than it should be
  bin.pop_back();
  bin[0] = 1;
  EXPECT_THROW(read(param, bin), Error);  // unknown storage
  bin[0] = 0;
  const std::pair<const char*, const char*> changes[] = {
      {"7767517", "7767518"},
      {"8 8", "9 8"},
      {"8 8", "x"},
      {"6=54", "6=55"},
      {"6=54", "6=x"},
      {"0=2 1=3", "0=-2 1=3"},
      {"1=3 4=1", "1=3 3=2 4=1"},
      {"PReLU            p0", "Softmax          p0"},
      {"Interp           up    1 1 d1 f 0=1", "Interp           up    1 1 d1 f 0=2"},
      {"BinaryOp         add   2 1 e f out", "BinaryOp         add   2 1 e f out 0=2"},
      {"2 1 e f out", "2 99999999 e f out"}};
  for (const auto& [from, to] : changes)
    EXPECT_THROW(detect_model(read(with(param, from, to), bin)), Error) << to;
}

TEST_F(Weights, ALeftOverOrMissingTensorIsNamed) {
  StateDict dict = test::small_network(random_);
  dict.file = "given.file";
  const auto message = [](const StateDict& weights) {
    return test::error_of([&] { build_graph(detect_model(weights)); });
  };
  EXPECT_EQ(message(dict), "");
  StateDict more = dict;
  more.tensors["extra.weight"] = {{1}, {1}, ElementType::f32};
  EXPECT_NE(message(more).find("extra.weight"), std::string::npos);
  StateDict wrong = dict;
  wrong.tensors["body.2.weight"].shape = {8, 7, 3, 3};
  EXPECT_NE(message(wrong).find("body.2.weight"), std::string::npos);
  StateDict less = dict;
  less.tensors.erase("body.2.weight");
  EXPECT_NE(message(less).find("body.2.weight"), std::string::npos);
}

TEST_F(Weights, InterpolationIsLinear) {
  const Model a = detect_model(test::small_network(random_)), b = detect_model(test::small_network(random_));
  const Model mixed = interpolate(a, b, 0.25F);
  for (const auto& [name, tensor] : mixed.weights.tensors)
    for (size_t i = 0; i < tensor.values.size(); ++i)
      EXPECT_FLOAT_EQ(tensor.values[i],
                      0.75F * a.weights.at(name).values[i] + 0.25F * b.weights.at(name).values[i]);
  EXPECT_THROW(interpolate(a, detect_model(test::small_network(random_, 9)), 0.5F), Error);
}

}  // namespace
}  // namespace esrgan
