# esrgan_set_warnings(TARGET): the warnings that all of the project's own code is built with.
function(esrgan_set_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarm on std::string's operator+ (https://gcc.gnu.org/PR105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
    if(ESRGAN_SANITIZE)
      # False alarm on std::regex under a sanitizer (https://gcc.gnu.org/PR105562).
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
  endif()
  if(ESRGAN_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
