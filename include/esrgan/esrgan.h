/* Enlarging pictures in memory, for C and for languages that can call it. What the options mean, and more of
 * the library, is described in upscaler.h.
 *
 *   esrgan_upscaler* upscaler = NULL;
 *   if (esrgan_open("realesrgan-x4plus", NULL, &upscaler) != ESRGAN_OK) return fail(esrgan_last_error());
 *   esrgan_picture large = {0};
 *   esrgan_result(upscaler, &small, &large);
 *   large.samples = malloc(esrgan_picture_bytes(&large));
 *   if (esrgan_upscale(upscaler, &small, &large, NULL, NULL) != ESRGAN_OK) return fail(esrgan_last_error());
 *   esrgan_close(upscaler);
 *
 * Functions may be called from any thread, those of one upscaler by one at a time. */
/* NOLINTBEGIN(modernize-deprecated-headers,modernize-use-using): this is C */
#ifndef ESRGAN_ESRGAN_H
#define ESRGAN_ESRGAN_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a call. More may come: treat what you do not know as ESRGAN_INTERNAL. */
typedef enum esrgan_status {
  ESRGAN_OK = 0,
  ESRGAN_INVALID_ARGUMENT = 1, /* an option or a buffer of the caller's cannot be meant */
  ESRGAN_NOT_FOUND = 2,        /* the model is not there */
  ESRGAN_BAD_DATA = 3,         /* the model is damaged, or is not what it has to be */
  ESRGAN_UNSUPPORTED = 4,      /* sound, but beyond what is built in or the device can do */
  ESRGAN_OUT_OF_RESOURCES = 5, /* the memory that may be used, threads or open files do not suffice */
  ESRGAN_IO = 6,               /* the system could not read */
  ESRGAN_INTERNAL = 7,         /* something failed that should not have */
  ESRGAN_CANCELLED = 8,        /* the callback asked for it */
  ESRGAN_OUT_OF_MEMORY = 9     /* the system gave no more */
} esrgan_status;

typedef enum esrgan_sample_type {
  ESRGAN_U8 = 1,  /* 0 to 255 */
  ESRGAN_U16 = 2, /* 0 to 65535, in the machine's byte order */
  ESRGAN_F32 = 3  /* 0 to 1 */
} esrgan_sample_type;

/* Rows from top to bottom, pixels from left to right, channels interleaved. */
typedef struct esrgan_picture {
  int32_t width, height;
  int32_t channels; /* 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha; alpha is not premultiplied */
  int32_t type;     /* an esrgan_sample_type */
  void* samples;    /* the caller's; not changed in a picture that is enlarged */
  size_t row_bytes; /* from one row to the next; 0 where they follow each other without a gap */
} esrgan_picture;

typedef enum esrgan_precision { ESRGAN_AUTOMATIC = 0, ESRGAN_FULL = 1, ESRGAN_HALF = 2 } esrgan_precision;

/* Fields of UpscaleOptions; later versions add to the end. */
typedef struct esrgan_options {
  size_t struct_size; /* set by esrgan_options_init() */
  double scale;       /* 0: the network's own */
  uint64_t max_memory;
  const char* device;
  int32_t tile, halo, threads;
  int32_t precision;                               /* an esrgan_precision */
  int32_t self_ensemble, wrap_edges, keep_colours; /* 0 or 1 */
  float denoise_tv;
  uint64_t max_memory_device; /* of a GPU; 0: what it has */
  float strength;             /* share of the network's result, the rest is the plain enlargement */
  float denoise, deblur;      /* 0 to 1, of a network that can be told */
  float fading;               /* 0 to 1: how far colours are stretched to their range first */
  int32_t keep_grain;         /* 0 or 1 */
  int32_t consistent;         /* 0 or 1: means of pixels, even parts and ramps are kept */
} esrgan_options;

typedef struct esrgan_upscaler esrgan_upscaler;

/* Called with the finished share in [0, 1] by the thread that upscales. Another value than 0 ends the call
 * with ESRGAN_CANCELLED. */
typedef int (*esrgan_progress)(void* user, double share);

/* Version of the library that runs, such as "0.1.0". */
ESRGAN_API const char* esrgan_version(void);

/* What the last call on this thread that did not return ESRGAN_OK had to say; valid until the next call on
 * it. */
ESRGAN_API const char* esrgan_last_error(void);

/* Sets the defaults. */
ESRGAN_API void esrgan_options_init(esrgan_options* options);

/* Loads a model: a file, or a name (installed, or inside the program). `options` may be NULL. On success
 * *upscaler is the caller's to close, otherwise it is NULL. */
ESRGAN_API esrgan_status esrgan_open(const char* model, const esrgan_options* options,
                                     esrgan_upscaler** upscaler);

/* NULL is allowed. */
ESRGAN_API void esrgan_close(esrgan_upscaler* upscaler);

/* Size, channels and type of the result for a picture like `in`, whose samples are not looked at. The other
 * fields of `out` stay. */
ESRGAN_API esrgan_status esrgan_result(esrgan_upscaler* upscaler, const esrgan_picture* in,
                                       esrgan_picture* out);

/* Bytes from a picture's first sample to its last; 0 when its fields cannot be meant. */
ESRGAN_API size_t esrgan_picture_bytes(const esrgan_picture* picture);

/* Enlarges `in` into the memory of `out`, whose size, channels and type must be those of esrgan_result().
 * `progress` may be NULL. After a failure the samples of `out` are as they were. */
ESRGAN_API esrgan_status esrgan_upscale(esrgan_upscaler* upscaler, const esrgan_picture* in,
                                        const esrgan_picture* out, esrgan_progress progress, void* user);

#ifdef __cplusplus
}
#endif

#endif
/* NOLINTEND(modernize-deprecated-headers,modernize-use-using) */
