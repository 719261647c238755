// This process, its threads and its terminal, as the system has them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace esrgan {

/// Processors that this process may run on, by its affinity and by the quota of its container.
int available_processors();
/// What the processor calls itself; "processor" where that cannot be found out.
std::string processor_name();

/// False where the system shows no GPU, so that nothing need be loaded that would talk to one.
bool may_have_gpu();

/// Nothing where it is not set, or empty.
std::optional<std::string> environment_variable(const std::string& name);

/// Where the running program lies; empty where that cannot be found out.
std::filesystem::path path_of_program();
/// Becomes the program `file`, if there is one. A name without a folder is looked for on the PATH.
void become_program(const std::string& file, char** arguments);

int64_t process_id();
/// Of the calling thread, as the system's tools show it.
int64_t thread_id();
/// Names the calling thread, and those that it will start, for those who look.
void name_thread(const char* name);

bool output_is_terminal();
bool errors_are_terminal();
/// In characters, of the terminal that shows errors; 80 where there is none.
int terminal_width();

}  // namespace esrgan
