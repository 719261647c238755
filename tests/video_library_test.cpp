// The two libraries side by side, as a program links them.
#include <esrgan/error.h>
#include <esrgan/image.h>
#include <esrgan/log.h>
#include <esrgan/video.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace esrgan {
namespace {

class VideoLibrary : public ::testing::Test {
 protected:
  VideoLibrary() : folder_(std::filesystem::temp_directory_path() / "esrgan-test-XXXXXX") {
    std::string pattern = folder_.string();
    folder_ = ::mkdtemp(pattern.data());
    set_log_sink([this](LogLevel, const std::string& text) { messages_.push_back(text); });
    Image picture;
    picture.info.width = 32;
    picture.info.height = 24;
    picture.info.channels = 3;
    picture.samples.resize(picture.info.bytes());
    std::filesystem::create_directory(folder_ / "frames");
    for (const char* name : {"1.png", "2.png"}) write_image(picture, (folder_ / "frames" / name).string());
    options_.fps_numerator = 10;
  }
  ~VideoLibrary() override {
    set_log_sink({});
    std::filesystem::remove_all(folder_);
  }
  VideoReport make_film(const VideoEvents& events = {}) {
    return upscale_video("", (folder_ / "frames").string(), (folder_ / "film.mkv").string(), options_,
                         events);
  }

  std::filesystem::path folder_;
  std::vector<std::string> messages_;
  VideoOptions options_;
};

TEST_F(VideoLibrary, MessagesReachTheSinkOfTheProgram) {
  options_.others_from = (folder_ / "absent.mkv").string();
  EXPECT_EQ(make_film().frames, 2);
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_NE(messages_[0].find("absent.mkv is not there"), std::string::npos) << messages_[0];
}

TEST_F(VideoLibrary, ErrorsAreCaughtAsTheirClasses) {
  std::stop_source stop;
  stop.request_stop();
  VideoEvents events;
  events.stop = stop.get_token();
  EXPECT_THROW(make_film(events), Cancelled);
  options_.encoder = "nonsense";
  try {
    make_film();
    FAIL() << "an encoder that does not exist was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "--encoder");
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
  }
}

}  // namespace
}  // namespace esrgan
