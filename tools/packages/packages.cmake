# What an installation has besides the library: manual pages, completions, the bundled model. And the two
# packages that `cpack` makes of it: a .deb, and a .tar.gz that runs wherever it is unpacked.

# Pages and completions are made of the flags that the program has, whenever it is linked.
set(pages ${PROJECT_BINARY_DIR}/pages)
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
  add_custom_command(TARGET costeff_cli_main POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${pages}/man1
    COMMAND costeff_cli_main man --directory ${pages}/man1
    COMMAND costeff_cli_main completions bash --output ${pages}/costeff
    COMMAND costeff_cli_main completions zsh --output ${pages}/_costeff
    COMMAND costeff_cli_main completions fish --output ${pages}/costeff.fish
    VERBATIM)
  set(shared ${CMAKE_INSTALL_DATADIR})
  install(DIRECTORY ${pages}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT data)
  install(FILES ${pages}/costeff DESTINATION ${shared}/bash-completion/completions COMPONENT data)
  install(FILES ${pages}/_costeff DESTINATION ${shared}/zsh/vendor-completions COMPONENT data)
  install(FILES ${pages}/costeff.fish DESTINATION ${shared}/fish/vendor_completions.d COMPONENT data)
endif()

# The program looks for models in ../share of its own directory (cli/flags/model_name.h).
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/sst2-slender DESTINATION share/costeff/models COMPONENT data)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/costeff RENAME copyright COMPONENT data)

# The program of the .tar.gz brings all libraries but glibc. DT_RPATH instead of DT_RUNPATH: the libraries
# find each other by it too, and LD_LIBRARY_PATH does not come first.
costeff_program(costeff_portable ${PROJECT_BINARY_DIR}/portable EXCLUDE_FROM_ALL)
set_target_properties(costeff_portable PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../lib")
target_link_options(costeff_portable PRIVATE -Wl,--disable-new-dtags)
install(TARGETS costeff_portable RUNTIME_DEPENDENCY_SET costeff_brought
        RUNTIME DESTINATION bin COMPONENT portable EXCLUDE_FROM_ALL)
install(RUNTIME_DEPENDENCY_SET costeff_brought
        PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread)[.]so"
        LIBRARY DESTINATION lib COMPONENT portable EXCLUDE_FROM_ALL)
install(CODE "set(COSTEFF_PREFIX \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
set(COSTEFF_ARCHITECTURE \"${CMAKE_LIBRARY_ARCHITECTURE}\")
include(${CMAKE_CURRENT_LIST_DIR}/licences.cmake)" COMPONENT portable EXCLUDE_FROM_ALL)

set(CPACK_PACKAGE_NAME costeff)
set(CPACK_PACKAGE_VENDOR "costeff")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "Runs BERT-family classifiers that leave at the first layer that is sure enough,
trains and prunes them, and judges them on labelled texts. One program, plain CPUs.")
set(CPACK_PACKAGE_CONTACT "costeff authors <root@localhost>" CACHE STRING "Maintainer of the packages")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_FILE_NAME costeff-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_STRIP_FILES ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/cpack.cmake)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
include(CPack)
