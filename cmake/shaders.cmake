# esrgan_shader(NAME SOURCE FLAGS...): SOURCE, a .comp file, compiled for Vulkan 1.2. With COOPERATIVE among the flags by GLSLANG_MATRICES, as
# glslc may be too old for matrices, and left out where there is none; then for 1.3, and checked at once.
function(esrgan_shader name source)
  set(made ${PROJECT_BINARY_DIR}/generated/${name}.spv)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  get_filename_component(folder ${source} DIRECTORY)
  file(GLOB included CONFIGURE_DEPENDS ${folder}/*.glsl)
  if("-DCOOPERATIVE" IN_LIST ARGN)
    if(NOT GLSLANG_MATRICES)
      return()
    endif()
    get_filename_component(tools ${GLSLANG_MATRICES} DIRECTORY)
    set(with_libraries ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${tools}/../lib)
    add_custom_command(OUTPUT ${made}
      COMMAND ${with_libraries} ${GLSLANG_MATRICES} --quiet --target-env vulkan1.3 ${ARGN} ${source} -o ${made}
      COMMAND ${with_libraries} ${tools}/spirv-val --target-env vulkan1.3 ${made}
      DEPENDS ${source} ${included} VERBATIM)
  else()
    add_custom_command(OUTPUT ${made} COMMAND ${GLSLC} --target-env=vulkan1.2 -O -Werror ${ARGN} ${source} -o ${made}
      DEPENDS ${source} ${included} VERBATIM)
  endif()
  set_property(GLOBAL APPEND PROPERTY ESRGAN_SHADERS ${name})
endfunction()

# esrgan_embed_shaders(OUT): an assembler file that takes in what esrgan_shader() compiled (OUT is its name), and
# device/vulkan/shaders.inc, a line for each: ESRGAN_SHADER(name).
function(esrgan_embed_shaders out)
  set(made ${PROJECT_BINARY_DIR}/generated)
  set(assembler "  .section .rodata\n")
  set(lines "")
  set(files "")
  get_property(names GLOBAL PROPERTY ESRGAN_SHADERS)
  foreach(name IN LISTS names)
    foreach(label IN ITEMS esrgan_shader_${name}_begin esrgan_shader_${name}_end)
      string(APPEND assembler "  .globl ${label}\n  .hidden ${label}\n")
    endforeach()
    string(APPEND assembler
      "  .balign 64\nesrgan_shader_${name}_begin:\n  .incbin \"${made}/${name}.spv\"\nesrgan_shader_${name}_end:\n")
    string(APPEND lines "ESRGAN_SHADER(${name})\n")
    list(APPEND files ${made}/${name}.spv)
  endforeach()
  string(APPEND assembler "  .section .note.GNU-stack,\"\",%progbits\n")
  file(CONFIGURE OUTPUT ${made}/vulkan_shaders.S CONTENT "${assembler}" @ONLY)
  file(CONFIGURE OUTPUT ${made}/device/vulkan/shaders.inc CONTENT "${lines}" @ONLY)
  set_source_files_properties(${made}/vulkan_shaders.S PROPERTIES OBJECT_DEPENDS "${files}")
  set(${out} ${made}/vulkan_shaders.S PARENT_SCOPE)
endfunction()
