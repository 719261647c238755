// What several tests need: seeds that are printed, folders that vanish, small networks and pictures.
#pragma once

#include <esrgan/error.h>
#include <esrgan/image.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <locale>
#include <random>
#include <string>
#include <vector>

#include "model/model.h"

namespace esrgan::test {

/// ESRGAN_TEST_SEED repeats a run; the seed is shown when a test fails.
inline unsigned seed() {
  static const unsigned value = [] {
    const char* given = std::getenv("ESRGAN_TEST_SEED");
    return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
  }();
  return value;
}

class RandomTest : public ::testing::Test {
 public:
  RandomTest() : trace_(__FILE__, __LINE__, "ESRGAN_TEST_SEED=" + std::to_string(seed())) {}
  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  float real(float low = 0, float high = 1) {
    return std::uniform_real_distribution<float>(low, high)(random_);
  }
  std::vector<float> reals(size_t count, float low = 0, float high = 1) {
    std::vector<float> values(count);
    for (float& value : values) value = real(low, high);
    return values;
  }
  std::mt19937 random_{seed()};

 private:
  ::testing::ScopedTrace trace_;
};

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "esrgan-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }
  size_t files() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) ++count;
    return count;
  }

 private:
  std::filesystem::path path_;
};

/// While it lives, C and C++ write decimal commas and points between thousands, as in a program that has
/// chosen a German locale. It is made by the system's localedef; valid() tells whether that could be done.
class CommaLocale {
 public:
  CommaLocale() : before_(std::locale::global(std::locale(std::locale::classic(), new Punctuation))) {
    const std::string make = "localedef -i de_DE -f UTF-8 '" + folder_ / "de_DE.UTF-8" + "' >/dev/null 2>&1";
    ::setenv("LOCPATH", folder_.path().c_str(), 1);
    valid_ = std::system(make.c_str()) == 0 && std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
  }
  ~CommaLocale() {
    std::setlocale(LC_ALL, "C");
    std::locale::global(before_);
    ::unsetenv("LOCPATH");
  }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;
  bool valid() const { return valid_; }

 private:
  struct Punctuation : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };

  TemporaryFolder folder_;
  std::locale before_;
  bool valid_ = false;
};

inline std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// What the Error says that `work` throws; empty when it does not.
inline std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A compact network with small random weights: enlarges about like nearest-neighbour, with some detail.
inline StateDict small_network(std::mt19937& random, int features = 8, int inner = 2, int scale = 2) {
  StateDict weights{"made by the test", "safetensors", {}, {}};
  std::normal_distribution<float> normal(0, 1);
  const auto add = [&](const std::string& name, int out, int in) {
    Tensor weight{{out, in, 3, 3}, {}, ElementType::f32}, bias{{out}, {}, ElementType::f32};
    for (int i = 0; i < out * in * 9; ++i)
      weight.values.push_back(0.3F * normal(random) / std::sqrt(9.0F * static_cast<float>(in)));
    for (int i = 0; i < out; ++i) bias.values.push_back(0.02F * normal(random));
    weights.tensors[name + ".weight"] = weight;
    weights.tensors[name + ".bias"] = bias;
  };
  for (int i = 0; i <= inner; ++i) {
    add("body." + std::to_string(2 * i), features, i == 0 ? 3 : features);
    weights.tensors["body." + std::to_string(2 * i + 1) + ".weight"] = {
        {features}, std::vector<float>(static_cast<size_t>(features), 0.2F), ElementType::f32};
  }
  add("body." + std::to_string(2 * inner + 2), 3 * scale * scale, features);
  return weights;
}

/// A smooth picture with some texture, different in every channel.
inline Image make_picture(int width, int height, int channels, SampleType type = SampleType::u8) {
  Image image{{width, height, channels, type, {}, nullptr}, {}};
  image.samples.resize(image.info.bytes());
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) {
        const float value = 0.5F +
                            0.3F * std::sin(0.21F * static_cast<float>(x + 3 * c)) *
                                std::cos(0.13F * static_cast<float>(y - c)) +
                            0.1F * static_cast<float>((x * 7 + y * 13 + c * 5) % 11) / 11;
        const size_t i = (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
                             static_cast<size_t>(channels) +
                         static_cast<size_t>(c);
        if (type == SampleType::u8) image.data<uint8_t>()[i] = static_cast<uint8_t>(value * 255);
        if (type == SampleType::u16) image.data<uint16_t>()[i] = static_cast<uint16_t>(value * 65535);
        if (type == SampleType::f32) image.data<float>()[i] = value;
      }
  return image;
}

}  // namespace esrgan::test
