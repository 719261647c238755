include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

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
  set(lines "")
  set(symbols "")
  set(files "")
  get_property(names GLOBAL PROPERTY ESRGAN_SHADERS)
  foreach(name IN LISTS names)
    string(APPEND lines "ESRGAN_SHADER(${name})\n")
    list(APPEND symbols shader_${name})
    list(APPEND files ${made}/${name}.spv)
  endforeach()
  file(CONFIGURE OUTPUT ${made}/device/vulkan/shaders.inc CONTENT "${lines}" @ONLY)
  esrgan_embed(made vulkan_shaders "${symbols}" "${files}")
  set(${out} ${made} PARENT_SCOPE)
endfunction()
