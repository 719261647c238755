#include <esrgan/version.h>

namespace esrgan {

const char* version() {
  return ESRGAN_VERSION;
}

}  // namespace esrgan
