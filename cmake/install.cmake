# cmake --install: the program, the libraries, the headers and find_package(jetcal).
include(CMakePackageConfigHelpers)
set(jetcal_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/jetcal)

install(TARGETS jetcal RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS jetcal_options jetcal_hdf5 jetcal_engine jetcal_kernels jetcal_data jetcal_model jetcal_train jetcal_validate
  EXPORT jetcalTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(jetcal_cuda)
  install(TARGETS jetcal_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})  # opened by jetcal, linked by nobody
endif()
foreach(folder engine kernels data model train validate)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/jetcal FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/generated/engine/version.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/jetcal/engine)
install(DIRECTORY recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/jetcal FILES_MATCHING PATTERN "*.json")
install(PROGRAMS tools/plot tools/plot_training DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/jetcal)
install(DIRECTORY tools/plots DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/jetcal FILES_MATCHING PATTERN "*.py")

configure_package_config_file(cmake/jetcalConfig.cmake.in ${PROJECT_BINARY_DIR}/jetcalConfig.cmake
  INSTALL_DESTINATION ${jetcal_config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/jetcalConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/jetcalConfig.cmake ${PROJECT_BINARY_DIR}/jetcalConfigVersion.cmake
  cmake/onednn.cmake DESTINATION ${jetcal_config_dir})
install(EXPORT jetcalTargets NAMESPACE jetcal:: DESTINATION ${jetcal_config_dir})
