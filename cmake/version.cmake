# generated/engine/version.hpp: the version and the commit the sources are of, "unknown" without git
# or outside a clone. Taken at configure time; tools/build configures every time.
set(jetcal_commit unknown)
find_package(Git QUIET)
if(GIT_FOUND)
  # A clone that belongs to another user is read all the same: only its name is asked for.
  set(jetcal_git ${GIT_EXECUTABLE} -c safe.directory=${PROJECT_SOURCE_DIR} -C ${PROJECT_SOURCE_DIR})
  execute_process(COMMAND ${jetcal_git} rev-parse --show-prefix
    RESULT_VARIABLE jetcal_git_status OUTPUT_VARIABLE jetcal_git_prefix
    ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  # A prefix: this folder lies inside somebody else's repository, whose commit says nothing.
  if(jetcal_git_status EQUAL 0 AND jetcal_git_prefix STREQUAL "")
    execute_process(COMMAND ${jetcal_git} describe --always --dirty --abbrev=12 --match=
      RESULT_VARIABLE jetcal_git_status OUTPUT_VARIABLE jetcal_git_commit
      ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(jetcal_git_status EQUAL 0 AND NOT jetcal_git_commit STREQUAL "")
      set(jetcal_commit ${jetcal_git_commit})
    endif()
  endif()
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.hpp.in ${PROJECT_BINARY_DIR}/generated/engine/version.hpp @ONLY)
