// Tiles, strips, transparency, options: what a picture goes through around the network.
#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <thread>

#include "device/cpu/cpu_device.h"
#include "engine/strip_upscaler.h"
#include "engine_fixture.h"
#include "image/resize.h"

namespace esrgan {
namespace {

using test::Engine;

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

TEST_F(Engine, AreasKeepTheirMeanColoursOnRequest) {
  for (const int channels : {1, 3, 4})
    for (const int tile : {0, 24}) {
      const Image image = test::make_picture(between(70, 130), between(70, 130), channels, SampleType::f32);
      const auto upscaled = [&](bool keep) {
        return to_float_image(upscale(image, [&](UpscaleOptions& o) {
          o.tile = tile;
          o.keep_colours = keep;
        }));
      };
      const FloatImage before = to_float_image(image), moved = upscaled(false), kept = upscaled(true);
      const int scale = moved.width / before.width, margin = 16;
      // Means over a square in the middle, which no block's border has to meet.
      const auto mean = [&](const FloatImage& picture, int s, int c) {
        double sum = 0;
        const int right = (before.width - margin) * s, bottom = (before.height - margin) * s;
        for (int y = margin * s; y < bottom; ++y)
          for (int x = margin * s; x < right; ++x) sum += static_cast<double>(picture.at(x, y, c));
        return sum / (right - margin * s) / (bottom - margin * s);
      };
      for (int c = 0; c < image.info.colours(); ++c) {
        const double off = std::abs(mean(moved, scale, c) - mean(before, 1, c));
        EXPECT_LE(std::abs(mean(kept, scale, c) - mean(before, 1, c)), std::max(0.004, 0.25 * off));
      }
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

TEST_F(Engine, ANetworkThatFoldsItsInputTakesAnySize) {
  // Real-ESRGAN's x2plus in small: 2x2 pixels are folded into channels, and sides of odd length are mirrored.
  write_safetensors(small_rrdb(12, 3), ElementType::f32, model());

  for (const auto& [width, height] : {std::pair{13, 9}, {13, 8}, {1, 1}, {24, 31}}) {
    const Image odd = test::make_picture(width, height, 3, SampleType::f32);
    Image even = odd;
    even.info.width = (width + 1) / 2 * 2;
    even.info.height = (height + 1) / 2 * 2;
    even.samples.resize(even.info.bytes());
    const auto mirrored = [](int i, int extent) { return i < extent ? i : std::max(0, 2 * extent - 2 - i); };
    for (int y = 0; y < even.info.height; ++y)
      for (int x = 0; x < even.info.width; ++x)
        for (int c = 0; c < 3; ++c)
          even.data<float>()[(y * even.info.width + x) * 3 + c] =
              odd.data<float>()[(mirrored(y, height) * width + mirrored(x, width)) * 3 + c];
    const Image expected = upscale(even), found = upscale(odd);
    ASSERT_EQ(found.info.width, 2 * width);
    ASSERT_EQ(found.info.height, 2 * height);
    for (int y = 0; y < 2 * height; ++y)
      for (int i = 0; i < 6 * width; ++i)
        ASSERT_NEAR(found.data<float>()[y * 6 * width + i],
                    expected.data<float>()[y * 3 * expected.info.width + i], 1e-6F)
            << width << "x" << height;
  }
}

/// From the plain enlargement to the network's, in even steps; in tiles as in one piece, with alpha and in
/// gray.
TEST_F(Engine, StrengthGoesFromThePlainEnlargementToTheNetworks) {
  for (const int channels : {1, 2, 3, 4}) {
    const Image stored = test::make_picture(70, 53, channels, SampleType::f32);
    const FloatImage picture = to_float_image(stored);
    const auto enlarged = [&](float strength, int tile) {
      return to_float_image(upscale(stored, [&](UpscaleOptions& options) {
        options.precision = Precision::full;
        options.strength = strength;
        options.tile = tile;
      }));
    };
    const FloatImage network = enlarged(1, 0), plain = enlarged(0, 0), half = enlarged(0.5F, 0),
                     tiles = enlarged(0.5F, 24);
    const FloatImage expected = resize_bicubic(picture, network.width / picture.width, SampleType::f32);
    ASSERT_EQ(plain.pixels.size(), expected.pixels.size());
    for (size_t i = 0; i < expected.pixels.size(); ++i) {
      ASSERT_NEAR(plain.pixels[i], expected.pixels[i], 1e-5) << channels;
      ASSERT_NEAR(half.pixels[i], (plain.pixels[i] + network.pixels[i]) / 2, 1e-5);
      ASSERT_NEAR(tiles.pixels[i], half.pixels[i], 1e-4);
    }
  }
  UpscaleOptions wrong;
  wrong.strength = 1.5F;
  EXPECT_NE(test::error_of([&] { Upscaler upscaler(model(), wrong); }).find("--strength"), std::string::npos);
}

/// Whatever a network makes of it, in tiles or in one piece.
TEST_F(Engine, ConsistentResultsHaveTheMeansOfTheirPixels) {
  for (const int channels : {1, 2, 3}) {
    const Image stored = test::make_picture(61, 47, channels, SampleType::f32);
    const FloatImage picture = to_float_image(stored);
    for (const int tile : {0, 16}) {
      const FloatImage result = to_float_image(upscale(stored, [&](UpscaleOptions& options) {
        options.consistent = true;
        options.tile = tile;
      }));
      const int scale = result.width / picture.width;
      for (int y = 0; y < picture.height; ++y)
        for (int x = 0; x < picture.width; ++x)
          for (int c = 0; c < channels - (channels == 2 ? 1 : 0); ++c) {
            double sum = 0;
            for (int i = 0; i < scale * scale; ++i)
              sum += static_cast<double>(result.at(x * scale + i % scale, y * scale + i / scale, c));
            ASSERT_NEAR(sum / (scale * scale), picture.at(x, y, c), 3e-6) << channels << ", tile " << tile;
          }
    }
  }
  UpscaleOptions wrong;
  wrong.consistent = true;
  wrong.edges = Edges::wrap;
  EXPECT_NE(test::error_of([&] { Upscaler upscaler(model(), wrong); }).find("--consistent"),
            std::string::npos);
}

TEST_F(Engine, AutomaticPrecisionIsFullForDeepSamples) {
  if (!devices().front().half) GTEST_SKIP() << "this processor has no 16-bit products";
  const auto with = [](Precision precision) { return [=](UpscaleOptions& o) { o.precision = precision; }; };
  for (const SampleType type : {SampleType::u8, SampleType::u16, SampleType::f32}) {
    const Image image = test::make_picture(60, 50, 3, type);
    const Image full = upscale(image, with(Precision::full)), half = upscale(image, with(Precision::half));
    EXPECT_NE(full.samples, half.samples) << "the test would prove nothing";
    EXPECT_EQ(upscale(image, with(Precision::automatic)).samples,
              type == SampleType::u8 && devices().front().half_is_faster ? half.samples : full.samples);
  }
}

TEST_F(Engine, ManyFilesComeOutAsEachAloneAndOneThatFailsStopsNoOther) {
  std::vector<FileJob> jobs;
  for (int i = 0; i < 12; ++i) {
    const std::string number = std::to_string(i);
    jobs.push_back({folder_ / (number + ".png"), folder_ / (number + "-large.png")});
    write_image(test::make_picture(between(1, 60), between(1, 60), between(1, 4),
                                   i % 3 == 0 ? SampleType::u16 : SampleType::u8),
                jobs.back().input);
  }
  test::write_bytes(jobs[4].input, {1, 2, 3});
  jobs[7].input = folder_ / "absent.png";
  jobs[9].output = folder_ / "no-such-folder/9.png";
  std::string told;
  FileEvents events;
  events.started = [&](size_t job) { told += "s" + std::to_string(job); };
  events.written = [&](size_t job, const ImageInfo& info) {
    told += "w" + std::to_string(job);
    EXPECT_EQ(read_image(jobs[job].output).info.width, info.width);
  };
  events.failed = [&](size_t job, const std::exception_ptr& error) {
    told += "f" + std::to_string(job);
    try {
      std::rethrow_exception(error);
    } catch (const Error& failure) {
      EXPECT_EQ(failure.file(), job == 9 ? jobs[job].output : jobs[job].input);
    }
  };
  Upscaler upscaler(model());
  upscaler.upscale_files(jobs, {}, events);
  size_t place = 0;
  for (size_t job = 0; job < jobs.size(); ++job) {
    const bool fails = job == 4 || job == 7 || job == 9;
    const size_t at = told.find((fails ? "f" : "w") + std::to_string(job), place);
    ASSERT_NE(at, std::string::npos) << job << " in " << told;
    place = at;
    if (fails) continue;
    const Image alone = Upscaler(model()).upscale(read_image(jobs[job].input));
    EXPECT_EQ(read_image(jobs[job].output).samples, alone.samples) << job;
  }
}

/// Runners that another program may have: one worker after the other, backwards, or a thread for each.
std::vector<ParallelRunner> runners() {
  const auto in_turn = [](int workers, const std::function<void(int)>& work) {
    for (int i = 0; i < workers; ++i) work(i);
  };
  const auto backwards = [](int workers, const std::function<void(int)>& work) {
    for (int i = workers; i-- > 0;) work(i);
  };
  const auto at_once = [](int workers, const std::function<void(int)>& work) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < workers; ++i) threads.emplace_back([&work, i] { work(i); });
  };
  return {in_turn, backwards, at_once};
}

TEST_F(Engine, ThreadsOfTheCallersOwnGiveTheSamePicture) {
  const Image in = test::make_picture(between(1, 90), between(1, 90), 3);
  const Image expected = upscale(in);
  for (const ParallelRunner& runner : runners())
    for (const int threads : {1, 2, 7}) {
      int calls = 0;
      const Image found = upscale(in, [&](UpscaleOptions& options) {
        options.threads = threads;
        options.runner = [&](int workers, const std::function<void(int)>& work) {
          ++calls;
          EXPECT_EQ(workers, threads);
          runner(workers, work);
        };
      });
      EXPECT_EQ(found.samples, expected.samples) << threads;
      EXPECT_TRUE(calls > 0 || threads == 1);
    }
}

TEST_F(Engine, ErrorsSayWhatCanBeDoneAboutThem) {
  const auto kind = [](const std::function<void()>& work) -> std::optional<ErrorKind> {
    try {
      work();
    } catch (const Error& error) {
      return error.kind();
    }
    return {};
  };
  Upscaler upscaler(model());
  const std::string out = folder_ / "out.png";
  EXPECT_EQ(kind([&] { upscaler.upscale_file(folder_ / "absent.png", out); }), ErrorKind::not_found);
  EXPECT_EQ(kind([&] { upscaler.upscale_file(model(), out); }), ErrorKind::unsupported);
  write_image(test::make_picture(8, 8, 3), folder_ / "in.png");
  EXPECT_EQ(kind([&] { upscaler.upscale_file(folder_ / "in.png", folder_ / "absent/out.png"); }),
            ErrorKind::not_found);
  std::filesystem::resize_file(std::string(folder_ / "in.png"), 60);
  EXPECT_EQ(kind([&] { upscaler.upscale_file(folder_ / "in.png", out); }), ErrorKind::bad_data);
  EXPECT_EQ(kind([&] { Upscaler(folder_ / "absent.pth"); }), ErrorKind::not_found);
  EXPECT_EQ(kind([&] { Upscaler(std::string(300, 'm')); }), ErrorKind::invalid_argument);
  UpscaleOptions options;
  options.scale = -1;
  EXPECT_EQ(kind([&] { Upscaler(model(), options); }), ErrorKind::invalid_argument);
  Image short_of_samples = test::make_picture(8, 8, 4);
  short_of_samples.samples.resize(9);
  EXPECT_EQ(kind([&] { upscaler.upscale(short_of_samples); }), ErrorKind::invalid_argument);
}

TEST_F(Engine, WhenStoppedNothingIsLeftBehind) {
  write_image(test::make_picture(64, 64, 3), folder_ / "in.png");
  const size_t before = folder_.files();
  Upscaler upscaler(model());
  std::stop_source stop;
  const UpscaleEvents events{[&](double) { stop.request_stop(); }, stop.get_token()};
  EXPECT_THROW(upscaler.upscale_file(folder_ / "in.png", folder_ / "out.png", {}, events), Cancelled);
  EXPECT_EQ(folder_.files(), before);
}

TEST_F(Engine, TheMemoryCeilingChoosesTheTilesAndIsNamedWhenItIsTooLow) {
  const TileLimits limits{
      1000, 700, 16, 1, false, {}, [](const TilePlan& plan) -> MemoryNeed {
        return {static_cast<uint64_t>(plan.x.largest) * static_cast<uint64_t>(plan.y.largest) * 1000, 0};
      }};
  TileLimits some = limits;
  size_t tiles = SIZE_MAX;
  for (const uint64_t memory : {uint64_t{10'000'000}, uint64_t{50'000'000}, uint64_t{2'000'000'000}}) {
    some.memory.host = memory;
    const TilePlan plan = choose_tiles(some);
    EXPECT_LE(some.cost(plan).host, memory);
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
  const auto device = make_cpu_device(pool, Isa::generic);
  const StateDict weights = test::small_network(random_);
  const auto good = device->compile(build_graph(detect_model(weights)), false);
  const std::vector<float> tile = reals(9 * 7 * 3);
  const std::vector<float> expected = TileRunner(*good, pool, false).run(tile, 9, 7, {3}, {});
  for (const float bias : {NAN, INFINITY, -1e6F}) {
    StateDict damaged = weights;
    for (float& value : damaged.tensors.at("body.6.bias").values) value = bias;
    const auto bad = device->compile(build_graph(detect_model(damaged)), false);
    int calls = 0;
    TileRunner runner(*bad, pool, false, [&]() -> Executor& {
      ++calls;
      return *good;
    });
    EXPECT_EQ(runner.run(tile, 9, 7, {3}, {}), expected) << bias;
    EXPECT_EQ(calls, 1) << bias;
    // A black input may well come out black.
    if (bias < 0) runner.run(std::vector<float>(tile.size(), 0.0F), 9, 7, {3}, {});
    EXPECT_EQ(calls, 1) << bias;
  }
}

TEST_F(Engine, AResultThatIsNotFiniteIsAnErrorAndNoPicture) {
  StateDict weights = test::small_network(random_);
  for (const char* layer : {"body.0.weight", "body.2.weight"})
    for (float& value : weights.tensors.at(layer).values) value *= 1e30F;
  write_safetensors(weights, ElementType::f32, model());
  for (const SampleType type : {SampleType::u8, SampleType::u16, SampleType::f32})
    for (const Precision precision : {Precision::automatic, Precision::full, Precision::half})
      for (const bool ensemble : {false, true}) {
        const auto options = [&](UpscaleOptions& o) {
          o.precision = precision;
          o.self_ensemble = ensemble;
        };
        EXPECT_THROW(upscale(test::make_picture(20, 16, 3, type), options), Error) << name_of(type);
      }
  write_image(test::make_picture(20, 16, 3), folder_ / "in.png");
  try {
    Upscaler(model()).upscale_file(folder_ / "in.png", folder_ / "out.png");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("not finite"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.png"));
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
