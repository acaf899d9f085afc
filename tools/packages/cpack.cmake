# Read by cpack once for each package it makes: which parts of an installation it holds.
if(CPACK_GENERATOR STREQUAL "DEB")
  set(CPACK_COMPONENTS_ALL program data)
else()
  set(CPACK_COMPONENTS_ALL portable data)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
endif()
