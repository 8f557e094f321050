# Writes the metadata as Slicer would see it, one "KEY value" a line.
set(metadata "")
foreach(key HOMEPAGE CATEGORY CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS RECOMMENDS BUILD_SUBDIRECTORY
    STATUS TIER ENABLED DICOM_SUPPORT_RULE KEYWORDS)
  string(TOLOWER ${key} name)
  string(APPEND metadata "${name} ${EXTENSION_${key}}\n")
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/metadata.txt "${metadata}")
