// Exits with 0 when an absent film is reported as it should be.
#include <esrgan/error.h>
#include <esrgan/version.h>
#include <esrgan/video.h>

#include <iostream>

int main() {
  try {
    esrgan::upscale_video("", "absent.mkv", "large.mkv", {});
    return 1;
  } catch (const esrgan::Error& error) {
    std::cout << "esrgan " << esrgan::version() << ", films: " << error.what() << "\n";
    return error.file() == "absent.mkv" ? 0 : 1;
  }
}
