// esrgan data: training data, looked at and prepared.
#include <esrgan/error.h>
#include <esrgan/image.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "cli/picture_folder.h"
#include "cli/session.h"
#include "metrics/naturalness.h"
#include "train/data/degrade.h"
#include "train/data/extract.h"
#include "train/data/preview.h"

namespace esrgan::cli {
namespace {

void add_preview(CLI::App& data, Action& action) {
  struct Options {
    std::string recipe, output;
    std::vector<std::string> changes;
    int count = 24;
  };
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      data.add_subcommand("preview", "Draw a contact sheet of the patches that a recipe's network is fed");
  sub->add_option("-p,--opt", options->recipe, "The recipe (also -opt)")->required()->type_name("FILE.yml");
  sub->add_option("--set", options->changes, "Another value for a key of the recipe; may be given often")
      ->type_name("KEY=VALUE");
  sub->add_option("-o,--output", options->output, "The picture to write")->required()->type_name("SHEET.png");
  sub->add_option("-n,--count", options->count, "Samples to show")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  sub->footer(
      "Each sample is shown as small patch, large patch and, where the recipe sharpens its targets, the "
      "target.\n");
  sub->callback([options, &action] {
    action = [options] {
      write_image(
          train::contact_sheet(train::read_data_recipe(options->recipe, options->changes), options->count),
          options->output);
      return all_done;
    };
  });
}

void add_extract(CLI::App& data, Action& action) {
  struct Options {
    std::string from, to;
    train::ExtractOptions extract;
  };
  auto options = std::make_shared<Options>();
  CLI::App* sub = data.add_subcommand("extract", "Cut large pictures into sub-images that are quick to read");
  sub->add_option("input,--input", options->from, "Folder of pictures")->required()->type_name("FOLDER");
  sub->add_option("-o,--output", options->to, "Folder for the sub-images")->required()->type_name("FOLDER");
  sub->add_option("--size", options->extract.size, "Side of a sub-image")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  sub->add_option("--step", options->extract.step, "From one sub-image to the next")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  sub->add_option("--scale", options->extract.scale, "Crop to a multiple of this first (large pictures)")
      ->capture_default_str()
      ->check(CLI::Range(1, 64))
      ->type_name("S");
  sub->add_option("-j,--threads", options->extract.threads, "Worker threads; without it, one per processor")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  sub->footer(
      "Example (DIV2K, x4):\n"
      "  esrgan data extract DIV2K_train_HR -o sub/HR --size 480 --step 240 --scale 4\n"
      "  esrgan data extract DIV2K_train_LR_bicubic/X4 -o sub/X4 --size 120 --step 60\n");
  sub->callback([options, &action] {
    action = [options] {
      const train::ExtractResult result =
          train::extract_sub_images(options->from, options->to, options->extract, stop_token());
      std::cerr << result.pictures << " pictures, " << result.sub_images << " sub-images written, "
                << result.skipped << " were there, " << result.failed << " pictures failed\n";
      return result.failed > 0 ? some_failed : all_done;
    };
  });
}

void add_degrade(CLI::App& data, Action& action) {
  struct Options {
    std::string recipe, from, to;
    std::vector<std::string> changes;
    uint64_t seed = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* sub = data.add_subcommand(
      "degrade", "Make small, bad pictures as a recipe's network is fed them, of whole ones");
  sub->add_option("-p,--opt", options->recipe, "The recipe (also -opt)")->required()->type_name("FILE.yml");
  sub->add_option("--set", options->changes, "Another value for a key of the recipe; may be given often")
      ->type_name("KEY=VALUE");
  sub->add_option("input,--input", options->from, "Folder of pictures")->required()->type_name("FOLDER");
  sub->add_option("-o,--output", options->to, "Folder for the small ones")->required()->type_name("FOLDER");
  sub->add_option("--seed", options->seed, "Of the random numbers; each picture's also depend on its name")
      ->capture_default_str()
      ->type_name("N");
  sub->footer(
      "Example:\n  esrgan data degrade -opt options/train_RealESRNet.yml Set14 -o Set14_bad --seed 1\n");
  sub->callback([options, &action] {
    action = [options] {
      const train::DataRecipe recipe = train::read_data_recipe(options->recipe, options->changes);
      const std::filesystem::path folder = options->to;
      std::filesystem::create_directories(folder);
      for (const std::string& picture : pictures_in(options->from)) {
        if (stop_token().stop_requested()) throw Cancelled();
        const std::string name = std::filesystem::path(picture).stem().string();
        const FloatImage small =
            train::degraded(to_float_image(read_image(picture)), recipe, options->seed, name);
        write_image(from_float_image(small, SampleType::u8, {}), (folder / (name + ".png")).string());
      }
      return all_done;
    };
  });
}

void add_statistics(CLI::App& data, Action& action) {
  struct Options {
    std::string from, to;
  };
  auto options = std::make_shared<Options>();
  CLI::App* sub = data.add_subcommand(
      "statistics", "Fit the statistics by which 'esrgan metrics' tells how natural a picture is");
  sub->add_option("input,--input", options->from, "Folder of good photographs")
      ->required()
      ->type_name("FOLDER");
  sub->add_option("-o,--output", options->to, "The file to write")->required()->type_name("FILE.safetensors");
  sub->footer("Example:\n  esrgan data statistics photos -o natural.safetensors\n");
  sub->callback([options, &action] {
    action = [options] {
      NaturalnessFit fit;
      const std::vector<std::string> pictures = pictures_in(options->from);
      for (const std::string& picture : pictures) {
        if (stop_token().stop_requested()) throw Cancelled();
        fit.add(to_float_image(read_image(picture)));
      }
      write_natural_statistics(fit.statistics(), options->to);
      std::cerr << pictures.size() << " pictures, " << fit.patches() << " sharp patches\n";
      return all_done;
    };
  });
}

}  // namespace

void add_data(CLI::App& app, Action& action) {
  CLI::App* sub = app.add_subcommand("data", "Look at training data and prepare it");
  sub->require_subcommand(1);
  add_preview(*sub, action);
  add_extract(*sub, action);
  add_degrade(*sub, action);
  add_statistics(*sub, action);
}

}  // namespace esrgan::cli
