# Slicer refuses to package an extension without these files or with another name than its project's.
foreach(file "${EXTENSION_README_FILE}" "${EXTENSION_LICENSE_FILE}")
  if(NOT EXISTS "${file}")
    message(FATAL_ERROR "The file '${file}' is missing")
  endif()
endforeach()
if(EXTENSION_NAME AND NOT EXTENSION_NAME STREQUAL PROJECT_NAME)
  message(FATAL_ERROR "The extension is called ${EXTENSION_NAME} and the project ${PROJECT_NAME}")
endif()
