# Makes the man page and the bash completion of PROGRAM, of what it says about
# itself, below SHARE. Without HELP2MAN there is no man page. Runs at installation.
get_filename_component(name "${PROGRAM}" NAME)

function(output out)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

if(HELP2MAN)
  output(help "${PROGRAM}" --help)
  string(REGEX MATCH "\n\n([^\n]*)\n" found "${help}") # below the usage
  set(purpose "${CMAKE_MATCH_1}")
  file(MAKE_DIRECTORY "${SHARE}/man/man8")
  execute_process(COMMAND "${HELP2MAN}" --section=8 --no-info --locale=C.UTF-8
    "--name=${purpose}" "--output=${SHARE}/man/man8/${name}.8" "${PROGRAM}"
    COMMAND_ERROR_IS_FATAL ANY)
  # Debian compresses its pages; -n: the same bytes each time.
  execute_process(COMMAND gzip -9nf "${SHARE}/man/man8/${name}.8"
    COMMAND_ERROR_IS_FATAL ANY)
endif()

# The commands are those of --help, the settings those of the page. CMake's lists
# cannot have brackets.
output(help "${PROGRAM}" --help)
string(REGEX REPLACE "\nSettings.*" "" help "${help}")
string(REPLACE "[=" "=" help "${help}")
string(REGEX MATCHALL "\n  --[a-z-]+=?" commands "${help}")
output(page "${PROGRAM}" --print-docs=config)
string(REPLACE "\\|" "," page "${page}") # between the values of a choice
string(REGEX MATCHALL "\n\\| `[a-z0-9_.]+` \\| `[^|]*` \\| [^|]* \\|" rows "${page}")
set(words "")
set(choices "")
foreach(command ${commands})
  string(STRIP "${command}" word)
  list(APPEND words "${word}")
endforeach()
foreach(row ${rows})
  string(REGEX MATCH "`([a-z0-9_.]+)`" found "${row}")
  set(setting "${CMAKE_MATCH_1}")
  list(APPEND words "--${setting}=")
  if(row MATCHES "\\| ([a-z0-9_.-]+(,[a-z0-9_.-]+)+) \\|$")
    string(REPLACE "," " " values "${CMAKE_MATCH_1}")
    string(APPEND choices "\t--${setting}) values='${values}' ;;\n")
  endif()
endforeach()
list(REMOVE_DUPLICATES words)
list(JOIN words " " words)
file(MAKE_DIRECTORY "${SHARE}/bash-completion/completions")
file(WRITE "${SHARE}/bash-completion/completions/${name}" "# bash completion of ${name}; made from its settings
_${name}() {
	local word=\${COMP_WORDS[COMP_CWORD]} name=\${COMP_WORDS[COMP_CWORD - 1]} values=
	# bash takes the = of --name=value for a word of its own.
	if [[ \$word == = ]]; then
		word=
	elif [[ \$name == = ]]; then
		name=\${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ \$word == -* ]]; then
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W '${words}' -- \"\$word\")
		return
	fi
	case \$name in
${choices}	--config | *.file | *.cert | *.key | *.ca | *.dir)
		compopt -o default
		return
		;;
	--print-docs) values='config metrics events' ;;
	--probe) values='readyz livez' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W \"\$values\" -- \"\$word\")
}
complete -F _${name} ${name}
")
