# The CUDA compiler, if wanted and there: sets jetcal_cuda to ON or OFF. It is looked for in CUDACXX,
# CUDA_PATH and PATH. Nothing here needs a GPU or its driver.
set(jetcal_cuda OFF)
if(JETCAL_CUDA STREQUAL "OFF")
  return()
endif()

# One PTX for every card from compute capability 8.0 on; the emulator of the tests runs it too.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-virtual CACHE STRING "Architectures of the CUDA code, as CMake names them")
endif()
if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX} AND DEFINED ENV{CUDA_PATH} AND EXISTS $ENV{CUDA_PATH}/bin/nvcc)
  set(ENV{CUDACXX} $ENV{CUDA_PATH}/bin/nvcc)
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(JETCAL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "JETCAL_CUDA=ON but no CUDA compiler was found (set CUDACXX, CUDA_PATH or PATH, or use JETCAL_CUDA=OFF)")
  endif()
  return()
endif()

set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
enable_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER_ID STREQUAL "NVIDIA" OR CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)
  if(JETCAL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "JETCAL_CUDA=ON but ${CMAKE_CUDA_COMPILER} is ${CMAKE_CUDA_COMPILER_ID} "
                        "${CMAKE_CUDA_COMPILER_VERSION} (nvcc 13 or later is needed; or use JETCAL_CUDA=OFF)")
  endif()
  message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} is ${CMAKE_CUDA_COMPILER_VERSION} (nvcc 13 or later is needed): left out")
  return()
endif()
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(jetcal_cuda ON)

# Headers of the libraries that are opened at run time when they are asked for.
find_path(JETCAL_CUBLAS_INCLUDE_DIR cublas_v2.h HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
find_path(JETCAL_CUDNN_INCLUDE_DIR cudnn_ops.h HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
mark_as_advanced(JETCAL_CUBLAS_INCLUDE_DIR JETCAL_CUDNN_INCLUDE_DIR)
