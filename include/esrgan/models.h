// The models this project knows, and where they are kept.
#pragma once

#include <esrgan/export.h>

#include <optional>
#include <string>
#include <vector>

namespace esrgan {

/// What a network was trained for.
enum class Objective {
  psnr,     ///< least error: faithful, smooth
  gan,      ///< perceptual: sharp, invents detail
  restore,  ///< takes away what age does to photographs and prints
  tasks     ///< is told how strongly to take noise and blur away
};

/// "psnr" and so on, as files and the commands name them.
ESRGAN_API const char* name_of(Objective objective);

struct KnownModel {
  std::string name;
  std::string licence;
  std::string purpose;
  std::string source;  ///< the public package it comes from, or this program; empty for a file of the user's
  Objective objective = Objective::gan;
  bool installed = false;
  int scale = 0;                       ///< by how much it enlarges; 0 where that is not said
  std::string path;                    ///< where it is, or would be
  std::vector<std::string> aliases{};  ///< what other programs call it
};

/// Folder of installed models: $ESRGAN_MODELS, else $XDG_DATA_HOME/esrgan/models, else
/// ~/.local/share/esrgan/models.
ESRGAN_API std::string models_folder();

/// The models inside the program, those that are known besides, then the other files in models_folder().
ESRGAN_API std::vector<KnownModel> list_models();

/// Path of an installed model ("builtin:/NAME.safetensors" of one inside the program, which is taken as any
/// other), by its name or an alias, in either case of letters, with '_' or '-', and with
/// or without .pth; a path to a file is returned as it is. Throws Error that tells how to get a model that is
/// missing, or which known name is the nearest.
ESRGAN_API std::string find_model(const std::string& name_or_path);

/// Name of the first installed model with this objective; files are looked into, by their headers, only when
/// none that is known will do. Throws Error when there is none. Without an objective: the first for `gan`,
/// or, where none is installed, the first inside the program. Of those inside the program with one objective
/// the one whose enlargement is the least that reaches `scale` (0: any) is taken.
ESRGAN_API std::string default_model(std::optional<Objective> objective = {}, double scale = 0);

}  // namespace esrgan
