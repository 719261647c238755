// Uses every public header; exits with 0 when an absent model is reported as it should be.
#include <esrgan/error.h>
#include <esrgan/image.h>
#include <esrgan/log.h>
#include <esrgan/models.h>
#include <esrgan/upscaler.h>
#include <esrgan/version.h>

#include <iostream>
#include <string>

int main() {
  esrgan::set_log_sink([](esrgan::LogLevel, const std::string& text) { std::cerr << text << "\n"; });
  try {
    const esrgan::Upscaler upscaler(esrgan::find_model("no-such-model"));
    return 1;
  } catch (const esrgan::Error& error) {
    std::cout << "esrgan " << esrgan::version() << " knows " << esrgan::list_models().size() << " models; "
              << error.what() << "\n";
    return error.found() == "'no-such-model'" && esrgan::version() == std::string(ESRGAN_VERSION) ? 0 : 1;
  }
}
