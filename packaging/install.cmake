# What is installed beside the programs, and the packages that CPack makes of it.
#
# Each daemon is a component, and a package of its own; what they share is
# `common`. With the prefix /usr, configuration is in /etc; with another one it is
# below it. packaging/build makes the packages.

set(SLUICE_PAGE "" CACHE PATH
  "Folder with the files of Swagger UI, for /docs (compose/page/fetch); empty: none")
set(SLUICE_PACKAGE_RELEASE "1" CACHE STRING "Number of the packages of a version")

if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(etc /etc)
else()
  set(etc etc)
endif()
set(SLUICE_BIN ${CMAKE_INSTALL_PREFIX}/bin)
set(SLUICE_ETC ${etc}/sluice)
if(NOT IS_ABSOLUTE ${etc})
  set(SLUICE_ETC ${CMAKE_INSTALL_PREFIX}/${etc}/sluice)
endif()

# Man pages, if help2man is there, and completion are made of what the program
# that is installed says.
find_program(HELP2MAN help2man)
function(sluice_install_pages daemon)
  install(CODE "
    set(SHARE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share\")
    set(PROGRAM \"$<TARGET_FILE:sluice-${daemon}>\")
    set(HELP2MAN \"${HELP2MAN}\")
    include(\"${CMAKE_SOURCE_DIR}/packaging/pages.cmake\")" COMPONENT ${daemon})
endfunction()

foreach(daemon api writer projector)
  set(SLUICE_DAEMON ${daemon})
  set(made ${CMAKE_BINARY_DIR}/packaging/${daemon})
  configure_file(packaging/sluice-${daemon}.service.in
    ${made}/sluice-${daemon}.service @ONLY)
  foreach(script conffiles postinst prerm postrm)
    configure_file(packaging/debian/daemon.${script} ${made}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
        GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
  file(CHMOD ${made}/conffiles PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  install(FILES ${made}/sluice-${daemon}.service
    DESTINATION lib/systemd/system COMPONENT ${daemon})
  install(FILES packaging/${daemon}.conf
    DESTINATION ${etc}/sluice COMPONENT ${daemon})
  sluice_install_pages(${daemon})
  string(TOUPPER ${daemon} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME sluice-${daemon})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
    ${made}/conffiles ${made}/postinst ${made}/prerm ${made}/postrm)
endforeach()

install(DIRECTORY common/collections DESTINATION share/sluice COMPONENT common)
install(FILES compose/observe/alerts.yml compose/observe/dashboards/sluice.json
  DESTINATION share/sluice/observe COMPONENT common)
install(FILES packaging/sysusers.conf RENAME sluice.conf
  DESTINATION lib/sysusers.d COMPONENT common)
file(GLOB pages docs/*.md)
install(FILES ${pages} README.md CHANGELOG.md SECURITY.md
  DESTINATION share/doc/sluice-common COMPONENT common)
install(FILES LICENSE RENAME copyright
  DESTINATION share/doc/sluice-common COMPONENT common)
if(SLUICE_PAGE)
  install(DIRECTORY ${SLUICE_PAGE}/ DESTINATION share/sluice/docs
    COMPONENT common FILES_MATCHING PATTERN swagger-ui* PATTERN uPlot*)
endif()

# ---- packages ----

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_CONTACT "Sluice maintainers <maintainers@sluice.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL api writer projector common)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# A package belongs to one Debian, whose libraries it was linked with.
set(debian 0)
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release debian REGEX "^VERSION_ID=")
  string(REGEX REPLACE "[^0-9.]" "" debian "${debian}")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE ${SLUICE_PACKAGE_RELEASE}~deb${debian})
set(version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

set(CPACK_COMPONENT_API_DESCRIPTION "HTTP API of Sluice
 Reads through the caches, and writes to the log.")
set(CPACK_COMPONENT_WRITER_DESCRIPTION "Writer of Sluice
 Applies the log to PostgreSQL, and migrates its schema.")
set(CPACK_COMPONENT_PROJECTOR_DESCRIPTION "Projector of Sluice
 Brings Redis up to date with the commits.")
set(CPACK_COMPONENT_COMMON_DESCRIPTION "Files that the daemons of Sluice share
 Collections, documentation, alert rules, dashboard, the user sluice.")
set(CPACK_DEBIAN_API_PACKAGE_DEPENDS "sluice-common (= ${version})")
set(CPACK_DEBIAN_WRITER_PACKAGE_DEPENDS "sluice-common (= ${version})")
set(CPACK_DEBIAN_PROJECTOR_PACKAGE_DEPENDS "sluice-common (= ${version})")
set(CPACK_DEBIAN_API_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_COMMON_PACKAGE_NAME sluice-common)
set(CPACK_DEBIAN_COMMON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_COMMON_PACKAGE_DEPENDS
  "systemd | systemd-standalone-sysusers | systemd-sysusers")
foreach(script postinst postrm)
  configure_file(packaging/debian/common.${script}
    ${CMAKE_BINARY_DIR}/packaging/common/${script} COPYONLY)
endforeach()
set(CPACK_DEBIAN_COMMON_PACKAGE_CONTROL_EXTRA
  ${CMAKE_BINARY_DIR}/packaging/common/postinst
  ${CMAKE_BINARY_DIR}/packaging/common/postrm)
include(CPack)
