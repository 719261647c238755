/* Enlarges a few pixels by the model that is named; without one, an absent model is reported as it should be.
 */
#include <esrgan/esrgan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, esrgan_last_error());
  return EXIT_FAILURE;
}

int main(int count, char** arguments) {
  esrgan_upscaler* upscaler = NULL;
  if (esrgan_open("no-such-model", NULL, &upscaler) != ESRGAN_NOT_FOUND || upscaler != NULL ||
      strstr(esrgan_last_error(), "no-such-model") == NULL)
    return fail("an absent model");
  if (count < 2) return EXIT_SUCCESS;

  esrgan_options options;
  esrgan_options_init(&options);
  options.threads = 1;
  if (esrgan_open(arguments[1], &options, &upscaler) != ESRGAN_OK) return fail("open");
  unsigned char pixels[6 * 4 * 3];
  for (size_t i = 0; i < sizeof pixels; ++i) pixels[i] = (unsigned char)(3 * i);
  esrgan_picture small = {6, 4, 3, ESRGAN_U8, pixels, 0}, large = {0};
  if (esrgan_result(upscaler, &small, &large) != ESRGAN_OK) return fail("result");
  large.samples = malloc(esrgan_picture_bytes(&large));
  if (large.samples == NULL || esrgan_upscale(upscaler, &small, &large, NULL, NULL) != ESRGAN_OK)
    return fail("upscale");
  printf("esrgan %s: %dx%d to %dx%d in C\n", esrgan_version(), (int)small.width, (int)small.height,
         (int)large.width, (int)large.height);
  const int right = large.width == 4 * small.width && large.height == 4 * small.height;
  free(large.samples);
  esrgan_close(upscaler);
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
