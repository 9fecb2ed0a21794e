# The target DNNL::dnnl, if oneDNN is there. Not through oneDNN's own package file: Debian's asks for
# OpenCL's headers, which nothing here needs.
if(NOT TARGET DNNL::dnnl)
  find_path(JETCAL_DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
  find_library(JETCAL_DNNL_LIBRARY dnnl)
  mark_as_advanced(JETCAL_DNNL_INCLUDE_DIR JETCAL_DNNL_LIBRARY)
  if(JETCAL_DNNL_INCLUDE_DIR AND JETCAL_DNNL_LIBRARY)
    add_library(DNNL::dnnl UNKNOWN IMPORTED)
    set_target_properties(DNNL::dnnl PROPERTIES
      IMPORTED_LOCATION ${JETCAL_DNNL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${JETCAL_DNNL_INCLUDE_DIR})
  endif()
endif()
