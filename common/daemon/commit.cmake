# Writes OUT, a C file with the commit that is built: in every build, but only if
# it has changed. Without Git, as in an archive of the sources, it is `unknown`. A
# `+` behind it: files differ from the commit.
set(commit unknown)
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
  OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
  RESULT_VARIABLE failed)
if(NOT failed)
  set(commit ${found})
  execute_process(COMMAND git -C ${SOURCE} diff --quiet HEAD
    RESULT_VARIABLE differs ERROR_QUIET)
  if(differs)
    string(APPEND commit "+")
  endif()
endif()
set(text "extern const char build_info_commit[];
const char build_info_commit[] = \"${commit}\";\n")
set(had "")
if(EXISTS ${OUT})
  file(READ ${OUT} had)
endif()
if(NOT had STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
