# Install rules: libraries, headers, programs, CMake package, pkg-config files, completions.
include(CMakePackageConfigHelpers)

install(TARGETS esrgan EXPORT esrgan-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS esrgan_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(ESRGAN_BUILD_TRAINER)
  install(TARGETS esrgan_train RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/esrgan DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN video.h EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/include/esrgan/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/esrgan)

if(ESRGAN_BUILD_VIDEO)
  install(TARGETS esrgan_video EXPORT esrgan-video-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS esrgan_video_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${PROJECT_SOURCE_DIR}/include/esrgan/video.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/esrgan)
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/esrgan)
install(EXPORT esrgan-targets NAMESPACE esrgan:: DESTINATION ${package_folder})
if(ESRGAN_BUILD_VIDEO)
  install(EXPORT esrgan-video-targets NAMESPACE esrgan:: DESTINATION ${package_folder})
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/esrgan-config.cmake.in
  ${PROJECT_BINARY_DIR}/esrgan-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/esrgan-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/esrgan-config.cmake ${PROJECT_BINARY_DIR}/esrgan-config-version.cmake
  DESTINATION ${package_folder})

# Below the prefix, or where an absolute path says.
set(pkgconfig_libdir "\${prefix}")
cmake_path(APPEND pkgconfig_libdir ${CMAKE_INSTALL_LIBDIR})
set(pkgconfig_includedir "\${prefix}")
cmake_path(APPEND pkgconfig_includedir ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/esrgan.pc.in ${PROJECT_BINARY_DIR}/esrgan.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/esrgan.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(ESRGAN_BUILD_VIDEO)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/esrgan-video.pc.in ${PROJECT_BINARY_DIR}/esrgan-video.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/esrgan-video.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

foreach(shell IN ITEMS bash zsh fish)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/completion.${shell}
    COMMAND esrgan_cli completion ${shell} > ${PROJECT_BINARY_DIR}/completion.${shell} VERBATIM)
endforeach()
add_custom_target(completions ALL DEPENDS
  ${PROJECT_BINARY_DIR}/completion.bash ${PROJECT_BINARY_DIR}/completion.zsh ${PROJECT_BINARY_DIR}/completion.fish)
install(FILES ${PROJECT_BINARY_DIR}/completion.bash RENAME esrgan
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PROJECT_BINARY_DIR}/completion.zsh RENAME _esrgan DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${PROJECT_BINARY_DIR}/completion.fish RENAME esrgan.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
