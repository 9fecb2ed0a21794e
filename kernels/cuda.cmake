# The CUDA backend: the kernels with their launchers, and libjetcal_cuda.so made of them, which
# jetcal opens at run time. Both use the shared CUDA runtime (the tests' emulator replaces it).
find_package(CUDAToolkit REQUIRED)

add_library(jetcal_cuda_kernels STATIC
  annotation.cu
  adam.cu
  average.cu
  bin_sums.cu
  cublas_library.cpp
  cuda_backend.cpp
  cuda_context.cpp
  cuda_handles.cpp
  cudnn_library.cpp
  dense.cu
  dense_backward_weights.cu
  dense_cublas.cu
  dense_prepare.cu
  dense_tensor.cu
  dense_tensor_weights.cu
  diffgrad.cu
  gather.cu
  head.cu
  launch_checks.cpp
  radam.cu
  reduce.cu
  response_histogram.cu
  sgd.cu
  softmax_gate.cu
  softmax_gate_cudnn.cu
  vendor_library.cpp)
target_link_libraries(jetcal_cuda_kernels PUBLIC jetcal_options CUDA::cudart)
target_include_directories(jetcal_cuda_kernels SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})
# cuBLAS and cuDNN are opened at run time; their headers say what they have.
foreach(name CUBLAS CUDNN)
  if(JETCAL_${name}_INCLUDE_DIR)
    target_include_directories(jetcal_cuda_kernels SYSTEM PRIVATE ${JETCAL_${name}_INCLUDE_DIR})
    target_compile_definitions(jetcal_cuda_kernels PRIVATE JETCAL_HAS_${name}=1)
  else()
    target_compile_definitions(jetcal_cuda_kernels PRIVATE JETCAL_HAS_${name}=0)
  endif()
endforeach()
target_compile_options(jetcal_cuda_kernels PRIVATE
  $<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=--warn-on-spills,--warn-on-local-memory-usage>)

# Nothing but the functions of engine/cuda_library.hpp and kernels/cuda_execution.hpp is exported:
# what the library has of jetcal's own code cannot meet the program's.
add_library(jetcal_cuda SHARED
  cuda_bins.cpp
  cuda_execution.cpp
  cuda_exports.cpp
  cuda_graphs.cpp
  cuda_pass.cpp
  cuda_resident.cpp
  cuda_responses.cpp
  cuda_slot.cpp
  cuda_update.cpp
  cuda_working_memory.cpp
  kernel_chooser.cpp)
target_link_libraries(jetcal_cuda PRIVATE jetcal_cuda_kernels jetcal_kernels)
set_target_properties(jetcal_cuda PROPERTIES
  CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_link_options(jetcal_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,--gc-sections)
