// The parts of the room for films: how a film is cut, colours, segments.
#include <esrgan/error.h>
#include <esrgan/video.h>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>

#include "support.h"
#include "video/decoding_times.h"
#include "video/film_clock.h"
#include "video/frame_pixels.h"
#include "video/packet_inspector.h"
#include "video/pipeline.h"
#include "video/plan.h"
#include "video/segment_file.h"
#include "video/work_folder.h"

namespace esrgan::video {
namespace {

class VideoParts : public test::RandomTest {
 protected:
  test::TemporaryFolder folder_;
};

// ---- plan ----

TEST_F(VideoParts, SegmentsPartTheFilm) {
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> times;
    int64_t time = between(-50, 50);
    for (int i = between(1, 700); i > 0; --i) times.push_back(time += between(1, 90));
    PlanRequest request;
    request.segment_frames = between(1, 100);
    const bool part = between(0, 1) == 1;
    if (part) {
      request.start = real(0, 5);
      request.duration = real(0.5F, 20);
    }
    Plan plan;
    try {
      plan = plan_pictures(times, {1, 1000}, request);
    } catch (const Error&) {
      EXPECT_TRUE(part);
      continue;
    }
    int64_t found = 0;
    for (size_t i = 0; i < plan.segments.size(); ++i) {
      const Segment& segment = plan.segments[i];
      if (i > 0) {
        EXPECT_EQ(segment.begin, plan.segments[i - 1].end);
      }
      EXPECT_LE(segment.frames, request.segment_frames);
      EXPECT_EQ(segment.frames, std::count_if(times.begin(), times.end(), [&](int64_t t) {
                  return t >= segment.begin && t < segment.end;
                }));
      EXPECT_GE(segment.chunk, i > 0 ? plan.segments[i - 1].chunk : 0);
      found += segment.frames;
    }
    EXPECT_EQ(found, plan.frames);
    const auto inside = std::count_if(times.begin(), times.end(), [&](int64_t t) {
      const double at = static_cast<double>(t - times.front()) / 1000;
      return !part || (at > request.start - 5e-4 && at < request.start + request.duration - 5e-4);
    });
    EXPECT_NEAR(static_cast<double>(found), static_cast<double>(inside), part ? 1 : 0);
  }
}

TEST_F(VideoParts, TheFirstReadingOfAFilmCanBeStopped) {
  const std::string film = folder_ / "film.y4m";
  std::ofstream file(film, std::ios::binary);
  file << "YUV4MPEG2 W16 H16 F25:1 Ip C420jpeg\n";
  for (int frame = 0; frame < 3; ++frame) file << "FRAME\n" << std::string(16 * 16 * 3 / 2, 'g');
  file.close();
  std::stop_source stop;
  PlanRequest request;
  request.stop = stop.get_token();
  EXPECT_EQ(plan_film({film}, request).frames, 3);
  stop.request_stop();
  EXPECT_THROW(plan_film({film}, request), Cancelled);
}

// ---- packets ----

/// Bits of a NAL unit of H.264 (ITU-T H.264, 7.3).
class NalUnit {
 public:
  explicit NalUnit(uint8_t header) : bytes_{0, 0, 0, 1, header} {}
  NalUnit& bits(uint32_t value, int count) {
    while (count-- > 0) {
      if (free_ == 0) {
        bytes_.push_back(0);
        free_ = 8;
      }
      bytes_.back() |= static_cast<uint8_t>((value >> count & 1U) << --free_);
    }
    return *this;
  }
  NalUnit& golomb(uint32_t value) {
    int length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    return bits(0, length).bits(value + 1, length + 1);
  }
  std::vector<uint8_t> done() {
    bits(1, 1);
    return bytes_;
  }

 private:
  std::vector<uint8_t> bytes_;
  int free_ = 0;
};

TEST_F(VideoParts, FieldsAreHalvesOfFrames) {
  // A sequence whose pictures may be fields, 64x64, and pictures that are fields in pairs, then whole frames.
  const std::vector<uint8_t> sequence = NalUnit(0x67)
                                            .bits(77, 8)
                                            .bits(0, 8)
                                            .bits(30, 8)
                                            .golomb(0)  // its number
                                            .golomb(0)  // frame numbers of 4 bits
                                            .golomb(0)  // order by 4 bits of each picture
                                            .golomb(0)
                                            .golomb(1)  // reference frames
                                            .bits(0, 1)
                                            .golomb(3)   // macroblocks across, less one
                                            .golomb(1)   // pairs of macroblocks down, less one
                                            .bits(0, 1)  // not frames only
                                            .bits(0, 1)
                                            .bits(1, 1)
                                            .bits(0, 2)
                                            .done();
  const std::vector<uint8_t> pictures = NalUnit(0x68)
                                            .golomb(0)
                                            .golomb(0)
                                            .bits(0, 2)
                                            .golomb(0)
                                            .golomb(0)
                                            .golomb(0)
                                            .bits(0, 3)
                                            .golomb(0)
                                            .golomb(0)
                                            .golomb(0)
                                            .bits(0, 3)
                                            .done();
  const auto picture = [&](int frame, int field) {  // field: 0 a whole frame, 1 top, 2 bottom
    NalUnit slice(frame == 0 ? 0x65 : 0x61);
    slice.golomb(0).golomb(7).golomb(0).bits(static_cast<uint32_t>(frame), 4).bits(field > 0 ? 1 : 0, 1);
    if (field > 0) slice.bits(field == 2 ? 1 : 0, 1);
    if (frame == 0) slice.golomb(0);
    slice.bits(static_cast<uint32_t>(2 * frame + (field == 2 ? 1 : 0)), 4)
        .bits(0, 2)
        .golomb(0)
        .bits(0xABCD, 16);
    std::vector<uint8_t> bytes = sequence, slice_bytes = slice.done();
    bytes.insert(bytes.end(), pictures.begin(), pictures.end());
    bytes.insert(bytes.end(), slice_bytes.begin(), slice_bytes.end());
    return bytes;
  };
  const FormatPtr format(avformat_alloc_context());
  AVStream* const stream = avformat_new_stream(format.get(), nullptr);
  stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
  stream->codecpar->codec_id = AV_CODEC_ID_H264;
  format->oformat = av_guess_format("null", nullptr, nullptr);  // so that it is freed as what is written
  PacketInspector inspector(*stream);
  const auto look = [&](int frame, int field) {
    const std::vector<uint8_t> bytes = picture(frame, field);
    const PacketPtr packet = make_packet();
    check(av_new_packet(packet.get(), static_cast<int>(bytes.size())), "", "test");
    std::copy(bytes.begin(), bytes.end(), packet->data);
    return inspector.look(*packet);
  };
  int frames = 0;
  for (int frame = 0; frame < 6; ++frame) {
    const PacketFacts first = look(frame, 1), second = look(frame, 2);
    EXPECT_EQ(first.frames, 1);
    EXPECT_EQ(first.fields, Fields::top_first);
    EXPECT_EQ(second.frames, 0);
    frames += first.frames + second.frames;
  }
  EXPECT_EQ(frames, 6);
  EXPECT_EQ(look(6, 0).frames, 1);
  EXPECT_EQ(look(7, 2).fields, Fields::bottom_first);
  EXPECT_EQ(look(7, 1).frames, 0);
}

// ---- clock ----

/// A film of pictures and sound whose packets are given as (stream, time in seconds).
class Clock : public ::testing::Test {
 protected:
  Clock() {
    for (const AVMediaType type : {AVMEDIA_TYPE_VIDEO, AVMEDIA_TYPE_AUDIO}) {
      AVStream* const stream = avformat_new_stream(context_.get(), nullptr);
      stream->codecpar->codec_type = type;
      stream->time_base = {1, 90000};
    }
    context_->iformat = av_find_input_format("mpegts");
    clock_.emplace(*context_);
  }
  ~Clock() override {  // freed as what is written: it was never opened
    context_->iformat = nullptr;
    context_->oformat = av_guess_format("null", nullptr, nullptr);
  }
  double corrected(int stream, double time) {
    const PacketPtr packet = make_packet();
    packet->pts = packet->dts = std::llround(time * 90000);
    packet->duration = 3600;
    clock_->correct(*packet, *context_->streams[stream]);
    return static_cast<double>(packet->pts) / 90000;
  }

  FormatPtr context_{avformat_alloc_context()};
  std::optional<FilmClock> clock_;
};

TEST_F(Clock, GoesOnWhereItJumps) {
  for (int i = 0; i < 50; ++i)
    for (const int stream : {0, 1}) EXPECT_NEAR(corrected(stream, 1000 + 0.04 * i), 1000 + 0.04 * i, 1e-4);
  // Sound of the new clock comes first, then a picture of the old one.
  EXPECT_NEAR(corrected(1, 7), 1002, 0.05);
  EXPECT_NEAR(corrected(0, 1002), 1002, 1e-4);
  EXPECT_NEAR(corrected(0, 7.04), 1002.04, 0.05);
  EXPECT_NEAR(corrected(1, 7.04), 1002.04, 0.05);
}

TEST_F(Clock, KeepsAGapOfOneStream) {
  for (int i = 0; i < 1000; ++i) {
    if (i < 25 || i > 900) {
      EXPECT_NEAR(corrected(0, 0.04 * i), 0.04 * i, 1e-4);
    }
    EXPECT_NEAR(corrected(1, 0.04 * i), 0.04 * i, 1e-4);
  }
}

// ---- decoding times ----

TEST_F(VideoParts, DecodingTimesGrowAndComeInTime) {
  for (int round = 0; round < 300; ++round) {
    // Groups of frames, stored out of order as B frames are, with any distance in time.
    std::vector<int64_t> shown;
    int64_t time = between(-100, 100);
    for (int group = between(1, 30); group > 0; --group) {
      std::vector<int64_t> times;
      for (int i = between(1, 6); i > 0; --i) times.push_back(time += between(1, 40));
      std::rotate(times.begin(), times.end() - 1, times.end());
      if (times.size() > 3 && between(0, 1) == 1) std::swap(times[1], times[2]);
      shown.insert(shown.end(), times.begin(), times.end());
    }
    const std::vector<int64_t> decoded = decoding_times(shown, 10);
    ASSERT_EQ(decoded.size(), shown.size());
    for (size_t i = 0; i < shown.size(); ++i) {
      EXPECT_LE(decoded[i], shown[i]);
      if (i > 0) {
        EXPECT_LT(decoded[i - 1], decoded[i]);
      }
    }
    const std::vector<int64_t> spans = durations(shown, 10);
    int64_t total = 0;
    for (const int64_t span : spans) {
      EXPECT_GT(span, 0);
      total += span;
    }
    const auto [first, last] = std::minmax_element(shown.begin(), shown.end());
    EXPECT_EQ(total, *last - *first + 10);
  }
}

// ---- colour ----

TEST_F(VideoParts, FramesSurviveTheWayToPixelsAndBack) {
  struct Case {
    AVPixelFormat format;
    int tolerance;  // of a sample; chroma that was enlarged and reduced again is not the same
  };
  for (const Case& test :
       {Case{AV_PIX_FMT_YUV444P, 0}, Case{AV_PIX_FMT_YUV444P10, 0}, Case{AV_PIX_FMT_YUV444P12, 0},
        Case{AV_PIX_FMT_GBRP, 0}, Case{AV_PIX_FMT_GBRP10, 0}, Case{AV_PIX_FMT_GBRP16, 0},
        Case{AV_PIX_FMT_GRAY8, 0}, Case{AV_PIX_FMT_GRAY10, 0}, Case{AV_PIX_FMT_YUVA444P, 0},
        Case{AV_PIX_FMT_YUV420P, 3}, Case{AV_PIX_FMT_YUV422P10, 12}, Case{AV_PIX_FMT_NV12, 3},
        Case{AV_PIX_FMT_P010, 12 << 6}, Case{AV_PIX_FMT_YUVA420P, 3}})
    for (const AVColorSpace matrix : {AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT2020_NCL})
      for (const AVColorRange range : {AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG}) {
        const int width = 2 * between(8, 60), height = 2 * between(8, 40);
        const FramePtr frame = empty_frame(width, height, test.format),
                       back = empty_frame(width, height, test.format);
        const auto& desc = *av_pix_fmt_desc_get(test.format);
        frame->colorspace = (desc.flags & AV_PIX_FMT_FLAG_RGB) != 0 ? AVCOL_SPC_RGB : matrix;
        frame->color_range = range;
        const int depth = desc.comp[0].depth, size = depth > 8 ? 2 : 1;
        // Smooth planes inside what both ranges allow, so that no colour is outside R'G'B'.
        const auto value_at = [&](int plane, int x, int y) {
          const double wave = std::sin(0.07 * x + plane) * std::cos(0.05 * y);
          return static_cast<int>((0.5 + (plane == 0 || plane == 3 ? 0.2 : 0.1) * wave) * (1 << depth))
                 << desc.comp[0].shift;
        };
        const auto samples = [&](const AVFrame& of, int plane, int y) {
          return of.data[plane] + y * of.linesize[plane];
        };
        for (int plane = 0; plane < av_pix_fmt_count_planes(test.format); ++plane) {
          const bool chroma = plane == 1 || plane == 2;
          const int rows = AV_CEIL_RSHIFT(height, chroma ? desc.log2_chroma_h : 0);
          const int count = av_image_get_linesize(test.format, width, plane) / size;
          for (int y = 0; y < rows; ++y)
            for (int x = 0; x < count; ++x) {
              const int value = value_at(plane, x, y);
              std::memcpy(samples(*frame, plane, y) + x * size, &value, static_cast<size_t>(size));
            }
        }
        Pixels pixels;
        FrameReader reader(*frame, Lines::all);
        reader.read(*frame, pixels);
        EXPECT_EQ(pixels.size(), static_cast<size_t>(width * height * channels_of(test.format)));
        const Colour colour = colour_of(*frame);
        FrameWriter(FrameWriter::From{width, height, channels_of(test.format), 1}, *back, colour, Lines::all)
            .write(pixels, *back);
        int largest = 0;
        for (int plane = 0; plane < av_pix_fmt_count_planes(test.format); ++plane) {
          const bool chroma = plane == 1 || plane == 2;
          const int rows = AV_CEIL_RSHIFT(height, chroma ? desc.log2_chroma_h : 0);
          const int count = av_image_get_linesize(test.format, width, plane) / size;
          for (int y = 0; y < rows; ++y)
            for (int x = 0; x < count; ++x) {
              int a = 0, b = 0;
              std::memcpy(&a, samples(*frame, plane, y) + x * size, static_cast<size_t>(size));
              std::memcpy(&b, samples(*back, plane, y) + x * size, static_cast<size_t>(size));
              largest = std::max(largest, std::abs(a - b));
            }
        }
        EXPECT_LE(largest, test.tolerance) << desc.name << ", matrix " << matrix << ", range " << range;
      }
}

TEST(Colour, IsThatOfTheStandards) {
  // Pure colours by the formulas of BT.601, BT.709 and BT.2020, limited range: Y' = 16 + 219 (Kr R + Kg G +
  // Kb B), Cb = 128 + 224 (B - Y) / (2 (1 - Kb)), Cr = 128 + 224 (R - Y) / (2 (1 - Kr)).
  struct Standard {
    AVColorSpace matrix;
    double kr, kb;
  };
  for (const Standard& standard :
       {Standard{AVCOL_SPC_SMPTE170M, 0.299, 0.114}, Standard{AVCOL_SPC_BT709, 0.2126, 0.0722},
        Standard{AVCOL_SPC_BT2020_NCL, 0.2627, 0.0593}})
    for (int colour = 0; colour < 8; ++colour) {
      const double r = colour & 1 ? 0.8 : 0.1, g = colour & 2 ? 0.7 : 0.2, b = colour & 4 ? 0.9 : 0.15;
      const FramePtr frame = empty_frame(16, 16, AV_PIX_FMT_YUV420P10);
      frame->colorspace = standard.matrix;
      frame->color_range = AVCOL_RANGE_MPEG;
      Pixels pixels;
      for (int i = 0; i < 256; ++i)
        for (const double value : {r, g, b}) pixels.push_back(static_cast<float>(value));
      FrameWriter(FrameWriter::From{16, 16, 3, 1}, *frame, colour_of(*frame), Lines::all)
          .write(pixels, *frame);
      const double y = standard.kr * r + (1 - standard.kr - standard.kb) * g + standard.kb * b;
      const double expected[] = {4 * (16 + 219 * y), 4 * (128 + 224 * (b - y) / (2 * (1 - standard.kb))),
                                 4 * (128 + 224 * (r - y) / (2 * (1 - standard.kr)))};
      for (int plane = 0; plane < 3; ++plane)
        EXPECT_NEAR(reinterpret_cast<const uint16_t*>(frame->data[plane])[0], expected[plane], 0.51) << plane;
    }
}

TEST(Colour, WhatIsNotToldIsGuessedBySize) {
  const auto guess = [](int width, int height) {
    return colour_of(*empty_frame(width, height, AV_PIX_FMT_YUV420P));
  };
  EXPECT_EQ(guess(720, 480).matrix, AVCOL_SPC_SMPTE170M);
  EXPECT_EQ(guess(720, 576).primaries, AVCOL_PRI_BT470BG);
  EXPECT_EQ(guess(1280, 720).matrix, AVCOL_SPC_BT709);
  EXPECT_EQ(guess(1280, 720).range, AVCOL_RANGE_MPEG);
  EXPECT_EQ(colour_of(*empty_frame(64, 64, AV_PIX_FMT_YUVJ420P)).range, AVCOL_RANGE_JPEG);
  EXPECT_EQ(colour_of(*empty_frame(64, 64, AV_PIX_FMT_GBRP)).matrix, AVCOL_SPC_RGB);
}

TEST_F(VideoParts, FieldsAreWovenAtTheirPlaces) {
  // A vertical ramp looks the same whether the frame or its fields are enlarged.
  const int width = 16, height = 48, scale = 4;
  const FramePtr frame = empty_frame(width, height, AV_PIX_FMT_GBRP),
                 woven = empty_frame(width * scale, height * scale, AV_PIX_FMT_GBRP);
  for (int plane = 0; plane < 3; ++plane)
    for (int y = 0; y < height; ++y)
      std::memset(frame->data[plane] + y * frame->linesize[plane], 20 + 4 * y, static_cast<size_t>(width));
  for (const Lines lines : {Lines::top, Lines::bottom}) {
    Pixels field;
    FrameReader reader(*frame, lines);
    reader.read(*frame, field);
    // Enlarged linearly, pixel centres where a network puts them.
    const int rows = height / 2;
    Pixels upscaled;
    for (int y = 0; y < rows * scale; ++y) {
      const double place = (y + 0.5) / scale - 0.5;
      const auto value =
          static_cast<float>(field[0] + place * (field[static_cast<size_t>(width) * 3] - field[0]));
      upscaled.insert(upscaled.end(), static_cast<size_t>(width * scale * 3), value);
    }
    FrameWriter(FrameWriter::From{width * scale, rows * scale, 3, scale}, *woven, colour_of(*frame), lines)
        .write(upscaled, *woven);
  }
  for (int y = 4 * scale; y < (height - 4) * scale; ++y) {
    const double expected = 20 + 4 * ((y + 0.5) / scale - 0.5);
    EXPECT_NEAR(woven->data[0][y * woven->linesize[0]], expected, 0.76) << "line " << y;
  }
}

TEST(Formats, TheNearestIsTaken) {
  const AVPixelFormat offered[] = {AV_PIX_FMT_YUV420P,  AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV420P10,
                                   AV_PIX_FMT_YUVA420P, AV_PIX_FMT_GRAY8,   AV_PIX_FMT_NONE};
  for (const AVPixelFormat same :
       {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUVA420P})
    EXPECT_EQ(nearest_format(offered, same), same);
  EXPECT_EQ(nearest_format(offered, AV_PIX_FMT_YUV420P12), AV_PIX_FMT_YUV420P10);
  EXPECT_EQ(nearest_format(offered, AV_PIX_FMT_YUVA444P10), AV_PIX_FMT_YUVA420P);
  EXPECT_EQ(nearest_format(offered, AV_PIX_FMT_YUVJ420P), AV_PIX_FMT_YUV420P);
}

// ---- segments ----

StreamDescription description() {
  StreamDescription stream;
  stream.parameters.reset(avcodec_parameters_alloc());
  stream.parameters->codec_id = AV_CODEC_ID_HEVC;
  stream.parameters->format = AV_PIX_FMT_YUV420P10;
  stream.parameters->width = 64;
  stream.parameters->height = 48;
  stream.parameters->extradata = static_cast<uint8_t*>(av_mallocz(3 + AV_INPUT_BUFFER_PADDING_SIZE));
  stream.parameters->extradata[1] = 200;
  stream.parameters->extradata_size = 3;
  stream.hdr.light = AVContentLightMetadata{1000, 400};
  AVMasteringDisplayMetadata display{};
  display.display_primaries[2][1] = {3, 7};
  display.max_luminance = {1000, 1};
  display.has_luminance = 1;
  stream.hdr.mastering = display;
  stream.encoder = "libx265";
  return stream;
}

TEST_F(VideoParts, SegmentsSurviveTheWayToTheDiskAndBack) {
  const std::string path = folder_ / "segment";
  std::vector<PacketPtr> packets;
  for (int i = between(0, 20); i > 0; --i) {
    PacketPtr packet = make_packet();
    check(av_new_packet(packet.get(), between(0, 5000)), "", "test");
    for (int b = 0; b < packet->size; ++b) packet->data[b] = static_cast<uint8_t>(between(0, 255));
    packet->pts = between(-1000, 1000);
    packet->dts = packet->pts - 3;
    packet->duration = between(0, 9);
    packet->flags = between(0, 1) * AV_PKT_FLAG_KEY;
    if (between(0, 1) == 1)
      std::fill_n(av_packet_new_side_data(packet.get(), AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, 12), 12,
                  uint8_t{7});
    packets.push_back(std::move(packet));
  }
  {
    SegmentWriter writer(path, description());
    for (const PacketPtr& packet : packets) writer.write(*packet);
    EXPECT_FALSE(std::filesystem::exists(path));
    writer.commit({5, 1, 2, 3});
  }
  SegmentReader reader(path), skipping(path);
  EXPECT_EQ(reader.stream(), to_json(description()));
  EXPECT_EQ(to_json(stream_from_json(reader.stream())), reader.stream());
  for (const PacketPtr& packet : packets) {
    const PacketPtr found = reader.read();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->pts, packet->pts);
    EXPECT_EQ(found->dts, packet->dts);
    EXPECT_EQ(found->duration, packet->duration);
    EXPECT_EQ(found->flags, packet->flags);
    ASSERT_EQ(found->size, packet->size);
    EXPECT_TRUE(std::equal(packet->data, packet->data + packet->size, found->data));
    ASSERT_EQ(found->side_data_elems, packet->side_data_elems);
    for (int i = 0; i < found->side_data_elems; ++i) {
      ASSERT_EQ(found->side_data[i].size, packet->side_data[i].size);
      EXPECT_EQ(found->side_data[i].type, packet->side_data[i].type);
      EXPECT_EQ(std::memcmp(found->side_data[i].data, packet->side_data[i].data, found->side_data[i].size),
                0);
    }
    int64_t time = 0;
    ASSERT_TRUE(skipping.skip(time));
    EXPECT_EQ(time, packet->pts);
  }
  EXPECT_FALSE(reader.read());
  EXPECT_EQ(reader.counts().frames, 5);
  EXPECT_EQ(reader.counts().lost, 3);

  // A file that was cut or garbled is refused, or read as far as it makes sense; never more than that.
  const std::vector<uint8_t> whole = test::read_bytes(path);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint8_t> damaged = whole;
    if (between(0, 1) == 1)
      damaged.resize(static_cast<size_t>(between(0, static_cast<int>(whole.size()) - 1)));
    else
      damaged[static_cast<size_t>(between(0, static_cast<int>(whole.size()) - 1))] ^=
          static_cast<uint8_t>(between(1, 255));
    test::write_bytes(path, damaged);
    try {
      SegmentReader reading(path);
      while (reading.read()) {
      }
      EXPECT_EQ(damaged.size(), whole.size());
    } catch (const Error&) {
    }
  }
}

TEST_F(VideoParts, AnUnfinishedSegmentLeavesNothing) {
  const std::string path = folder_ / "segment";
  { SegmentWriter writer(path, description()); }
  EXPECT_EQ(folder_.files(), 0U);
}

TEST_F(VideoParts, AWorkFolderBelongsToOneJob) {
  const std::string output = folder_ / "film.mkv";
  const nlohmann::json job{{"frames", {{"crf", 18}, {"input", {{"size", 5}}}}}, {"mux", 1}};
  const auto begin = [&](const nlohmann::json& other, bool restart = false) {
    WorkFolder folder(output);
    folder.begin(other, {}, restart);
    test::write_bytes(folder.segment(0), {1});
  };
  const auto refusal = [&](const nlohmann::json& other) {
    try {
      begin(other);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("not refused");
  };
  begin(job);
  begin(job);
  nlohmann::json other = job;
  other["mux"] = 2;  // what is not of the frames may change
  begin(other);
  EXPECT_EQ(WorkFolder(output).job(), other);
  other["frames"]["input"]["size"] = 6;
  EXPECT_NE(refusal(other).find("the film is another"), std::string::npos) << refusal(other);
  other = job;
  other["frames"]["crf"] = 20;
  EXPECT_NE(refusal(other).find("--crf: 18 there, 20 here"), std::string::npos) << refusal(other);
  EXPECT_TRUE(WorkFolder(output).has(0));
  {
    WorkFolder folder(output);
    folder.begin(other, {}, true);
    EXPECT_FALSE(folder.has(0));
    EXPECT_NE(refusal(other).find("another process is at work"), std::string::npos) << refusal(other);
  }
  EXPECT_EQ(folder_.files(), 0U);  // nothing was made
}

// ---- pipeline ----

class CountingInput : public FrameInput {
 public:
  explicit CountingInput(int count) : count_(count) {}
  void run(PixelsPool&, const std::function<bool(FrameItem)>& take) override {
    for (int i = 0; i < count_; ++i) {
      FrameItem item;
      item.source = make_frame();
      item.number = i;
      item.repeated = i % 3 == 1;
      if (!take(std::move(item))) return;
    }
  }

 private:
  int count_;
};

class CheckingOutput : public FrameOutput {
 public:
  std::function<void()> prepare(FrameItem item, PixelsPool&) override {
    if (fail_at == item.number) throw Error(ErrorKind::internal, "conversion failed");
    return [this, number = item.number] {
      if (fail_writing_at == number) throw Error(ErrorKind::internal, "writing failed");
      EXPECT_EQ(number, written++);
    };
  }
  int64_t fail_at = -1, fail_writing_at = -1, written = 0;
};

TEST(Pipeline, KeepsTheOrderAndEndsWithTheFirstError) {
  const auto run = [](CheckingOutput& output, int64_t fail_at, const std::stop_token& stop) {
    CountingInput input(200);
    return run_pipeline(
        input, output,
        [&](FrameItem& item, const FrameItem* next, PixelsPool&) {
          EXPECT_NE(item.number % 3, 1);
          if (next != nullptr) {
            EXPECT_EQ(next->number, item.number + 1);
          }
          if (item.number == fail_at) throw Error(ErrorKind::internal, "network failed");
        },
        stop);
  };
  CheckingOutput good;
  const PipelineCounts counts = run(good, -1, {});
  EXPECT_EQ(good.written, 200);
  EXPECT_EQ(counts.frames, 200);
  EXPECT_EQ(counts.repeated, 67);
  CheckingOutput converting, writing, computing, stopping;
  converting.fail_at = 50;
  EXPECT_THROW(run(converting, -1, {}), Error);
  EXPECT_LE(converting.written, 50);
  writing.fail_writing_at = 50;
  EXPECT_THROW(run(writing, -1, {}), Error);
  EXPECT_EQ(writing.written, 50);
  EXPECT_THROW(run(computing, 51, {}), Error);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(run(stopping, -1, stop.get_token()), Cancelled);
}

}  // namespace
}  // namespace esrgan::video
