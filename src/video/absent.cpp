// In place of this room where FFmpeg's libraries were not there to build with.
#include <esrgan/error.h>
#include <esrgan/video.h>

namespace esrgan {
namespace {

[[noreturn]] void refuse() {
  throw Error("", "films",
              "a build with FFmpeg's libraries and zimg ('script/setup build', then build again)", "");
}

}  // namespace

VideoReport upscale_video(const std::string&, const std::string&, const std::string&, const VideoOptions&,
                          const VideoEvents&) {
  refuse();
}
VideoReport join_video(const std::string&, const VideoEvents&) {
  refuse();
}
void preview_video(const std::string&, const std::string&, const std::string&, int, const VideoOptions&,
                   const VideoEvents&) {
  refuse();
}

}  // namespace esrgan
