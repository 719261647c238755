// ESRGAN_API marks what the shared library exports; everything else stays hidden.
#pragma once

#if defined(ESRGAN_BUILDING_SHARED)
#define ESRGAN_API __attribute__((visibility("default")))
#else
#define ESRGAN_API
#endif
