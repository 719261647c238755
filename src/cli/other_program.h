// Commands that are programs of their own, so that this one needs none of their libraries.
#pragma once

namespace CLI {
class App;
}

namespace esrgan::cli {

/// When argv names such a command, becomes its program, which lies beside this one or in the search path, and
/// gets the arguments from the command on. Returns when it is another command; throws Error when this
/// installation lacks the program.
void start_other_program(int argc, char** argv);

/// For the list of commands and for completions; start_other_program() goes before the parsing.
void add_train(CLI::App& app);  // train, distill, prune, quantize
void add_video(CLI::App& app);

}  // namespace esrgan::cli
