// Tiles, strips, transparency, options: what a picture goes through around the network.
#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <cmath>
#include <cstring>

#include "engine/strip_upscaler.h"
#include "image/resize.h"
#include "support.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

class Engine : public test::RandomTest {
 protected:
  Engine() { write_safetensors(test::small_network(random_), ElementType::f32, model()); }
  std::string model() const { return folder_ / "small.safetensors"; }

  Image upscale(const Image& image, const std::function<void(UpscaleOptions&)>& change = {}) const {
    UpscaleOptions options;
    options.threads = 2;
    options.tile = 0;
    if (change) change(options);
    return Upscaler(model(), options).upscale(image);
  }

  /// Largest difference in float samples.
  static float difference(const Image& a, const Image& b) {
    EXPECT_EQ(a.info.width, b.info.width);
    EXPECT_EQ(a.info.height, b.info.height);
    EXPECT_EQ(a.samples.size(), b.samples.size());
    float largest = 0;
    for (size_t i = 0; i < a.samples.size() / sizeof(float); ++i)
      largest = std::max(largest, std::abs(a.data<float>()[i] - b.data<float>()[i]));
    return largest;
  }

  test::TemporaryFolder folder_;
};

TEST_F(Engine, TilesCoverThePictureAndTheirWeightsAddUpToOne) {
  for (int round = 0; round < 300; ++round) {
    const int extent = between(1, 300), tile = between(8, 100), halo = between(0, 40),
              multiple = 1 << between(0, 2), scale = between(1, 4);
    const bool wrap = between(0, 1) == 1;
    const AxisPlan plan = plan_axis(extent, tile, halo, multiple, wrap);
    std::vector<float> sum(static_cast<size_t>(extent * scale), 0.0F);
    for (size_t t = 0; t < plan.tiles.size(); ++t) {
      const TileSpan& span = plan.tiles[t];
      EXPECT_EQ((span.end - span.begin) % multiple, 0);
      for (int x = 0; x < extent * scale; ++x) {
        const float weight = blend_weight(plan, t, x, scale);
        if (weight > 0) {
          EXPECT_GE(x, span.begin * scale);
          EXPECT_LT(x, span.end * scale);
        }
        sum[static_cast<size_t>(x)] += weight;
      }
    }
    for (const float total : sum)
      EXPECT_NEAR(total, 1, 1e-6F) << extent << " by " << tile << ", halo " << halo;
  }
}

TEST_F(Engine, TilesEqualTheWholeWhenTheHaloCoversWhatTheNetworkSees) {
  for (const int channels : {1, 2, 3, 4}) {
    const Image image = test::make_picture(between(40, 90), between(40, 90), channels, SampleType::f32);
    const Image whole = upscale(image);
    const Image tiled = upscale(image, [](UpscaleOptions& o) {
      o.tile = 16;
      o.halo = 16;
    });
    EXPECT_LE(difference(whole, tiled), 2e-6F) << channels << " channels";
  }
}

TEST_F(Engine, WrappedEdgesCommuteWithARotationOfTheTexture) {
  const Image image = test::make_picture(48, 36, 3, SampleType::f32);
  const auto roll = [](const Image& picture, int dx, int dy) {
    Image rolled = picture;
    const ImageInfo& i = picture.info;
    for (int y = 0; y < i.height; ++y)
      for (int x = 0; x < i.width; ++x)
        std::memcpy(rolled.data<float>() + (y * i.width + x) * 3,
                    picture.data<float>() + (((y + dy) % i.height) * i.width + (x + dx) % i.width) * 3,
                    3 * sizeof(float));
    return rolled;
  };
  const auto wrap = [](UpscaleOptions& o) {
    o.edges = Edges::wrap;
    o.tile = 20;
  };
  EXPECT_LE(difference(roll(upscale(image, wrap), 2 * 11, 2 * 17), upscale(roll(image, 11, 17), wrap)),
            2e-6F);
}

TEST_F(Engine, TheSelfEnsembleCommutesWithMirroringAndTransposing) {
  const Image image = test::make_picture(21, 33, 3, SampleType::f32);
  const auto transpose = [](const Image& picture) {
    Image turned = picture;
    std::swap(turned.info.width, turned.info.height);
    for (int y = 0; y < picture.info.height; ++y)
      for (int x = 0; x < picture.info.width; ++x)
        std::memcpy(turned.data<float>() + (x * picture.info.height + y) * 3,
                    picture.data<float>() + (y * picture.info.width + x) * 3, 12);
    return turned;
  };
  const auto ensemble = [](UpscaleOptions& o) { o.self_ensemble = true; };
  EXPECT_LE(difference(transpose(upscale(image, ensemble)), upscale(transpose(image), ensemble)), 2e-6F);
  EXPECT_GT(difference(transpose(upscale(image)), upscale(transpose(image))), 1e-3F)
      << "the test would prove nothing";
}

TEST_F(Engine, FilesAndMemoryGiveTheSamePicture) {
  const Image image = test::make_picture(70, 50, 3);
  write_image(image, folder_ / "in.png");
  UpscaleOptions options;
  options.tile = 24;
  Upscaler upscaler(model(), options);
  const ImageInfo info = upscaler.upscale_file(folder_ / "in.png", folder_ / "out.png");
  EXPECT_EQ(info.width, 140);
  const Image from_file = read_image(folder_ / "out.png"), in_memory = upscaler.upscale(image);
  EXPECT_EQ(from_file.samples, in_memory.samples);
}

TEST_F(Engine, AnyScaleIsReached) {
  const Image image = test::make_picture(31, 20, 3, SampleType::f32);
  for (const double scale : {0.5, 1.0, 1.7, 2.0, 3.3}) {
    const Image out = upscale(image, [&](UpscaleOptions& o) {
      o.scale = scale;
      o.tile = 16;
    });
    EXPECT_EQ(out.info.width, std::lround(31 * scale));
    EXPECT_EQ(out.info.height, std::lround(20 * scale));
  }
  // The rows that stream through are those of the filter applied to the whole.
  const FloatImage whole = resize_lanczos(to_float_image(upscale(image)), 93, 60);
  const Image streamed = upscale(image, [](UpscaleOptions& o) { o.scale = 3; });
  EXPECT_LE(difference(from_float_image(whole, SampleType::f32, image.info), streamed), 2e-5F);
  const Image reduced = upscale(image, [](UpscaleOptions& o) { o.input_size = 10; });
  EXPECT_EQ(reduced.info.width, 20);
}

TEST_F(Engine, OpaqueAlphaStaysOpaqueAndHiddenColoursDoNotMatter) {
  Image image = test::make_picture(40, 30, 4);
  auto* samples = image.data<uint8_t>();
  for (int i = 0; i < 40 * 30; ++i) samples[4 * i + 3] = 255;
  const Image opaque = upscale(image);
  for (size_t i = 3; i < opaque.samples.size(); i += 4) ASSERT_EQ(opaque.data<uint8_t>()[i], 255);

  for (int i = 0; i < 40 * 15; ++i) samples[4 * i + 3] = 0;
  Image other = image;
  for (int i = 0; i < 40 * 15 * 4; ++i)
    if (i % 4 != 3) other.data<uint8_t>()[i] = static_cast<uint8_t>(between(0, 255));
  EXPECT_EQ(upscale(image).samples, upscale(other).samples);
}

TEST_F(Engine, WhenStoppedNothingIsLeftBehind) {
  write_image(test::make_picture(64, 64, 3), folder_ / "in.png");
  const size_t before = folder_.files();
  Upscaler upscaler(model());
  std::atomic<bool> stop{false};
  upscaler.set_stop(&stop);
  upscaler.set_progress([&](double) { stop = true; });
  EXPECT_THROW(upscaler.upscale_file(folder_ / "in.png", folder_ / "out.png"), Cancelled);
  EXPECT_EQ(folder_.files(), before);
}

TEST_F(Engine, TheMemoryCeilingChoosesTheTilesAndIsNamedWhenItIsTooLow) {
  const TileLimits limits{1000, 700, 16, 1, false, 0, [](const TilePlan& plan) {
                            return static_cast<uint64_t>(plan.x.largest) *
                                   static_cast<uint64_t>(plan.y.largest) * 1000;
                          }};
  TileLimits some = limits;
  size_t tiles = SIZE_MAX;
  for (const uint64_t memory : {uint64_t{10'000'000}, uint64_t{50'000'000}, uint64_t{2'000'000'000}}) {
    some.memory = memory;
    const TilePlan plan = choose_tiles(some);
    EXPECT_LE(some.cost(plan), memory);
    EXPECT_LE(plan.x.tiles.size() * plan.y.tiles.size(), tiles);
    tiles = plan.x.tiles.size() * plan.y.tiles.size();
  }
  EXPECT_THROW(choose_tiles(limits), Error);
  write_image(test::make_picture(64, 64, 3), folder_ / "in.png");
  UpscaleOptions tight;
  tight.max_memory = 1 << 20;
  try {
    Upscaler(model(), tight).upscale_file(folder_ / "in.png", folder_ / "out.png");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("in.png: the memory ceiling is too low"), std::string::npos)
        << error.what();
  }
}

TEST_F(Engine, AResultThatCannotBeRightIsComputedAgain) {
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(Isa::generic);
  const StateDict weights = test::small_network(random_);
  Network good(build_graph(detect_model(weights)), *backend, pool);
  const std::vector<float> tile = reals(9 * 7 * 3);
  const std::vector<float> expected = TileRunner(good, false).run(tile, 9, 7, 3, {});
  for (const float bias : {NAN, INFINITY, -1e6F}) {
    StateDict damaged = weights;
    for (float& value : damaged.tensors.at("body.6.bias").values) value = bias;
    Network bad(build_graph(detect_model(damaged)), *backend, pool);
    int calls = 0;
    TileRunner runner(bad, false, [&]() -> Network& {
      ++calls;
      return good;
    });
    EXPECT_EQ(runner.run(tile, 9, 7, 3, {}), expected) << bias;
    EXPECT_EQ(calls, 1) << bias;
    // A black input may well come out black.
    if (bias < 0) runner.run(std::vector<float>(tile.size(), 0.0F), 9, 7, 3, {});
    EXPECT_EQ(calls, 1) << bias;
  }
}

TEST(Options, AreCheckedByName) {
  for (const auto& change : std::vector<std::function<void(UpscaleOptions&)>>{
           [](UpscaleOptions& o) { o.tile = 3; }, [](UpscaleOptions& o) { o.halo = -1; },
           [](UpscaleOptions& o) { o.scale = NAN; }, [](UpscaleOptions& o) { o.denoise_tv = -1; },
           [](UpscaleOptions& o) { o.threads = -2; }}) {
    UpscaleOptions options;
    change(options);
    EXPECT_THROW(Upscaler("no such file", options), Error);
  }
}

}  // namespace
}  // namespace esrgan
