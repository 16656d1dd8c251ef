# Runs cargo on the crate: builds the static library and copies it to LIBRARY, or, without LIBRARY,
# runs the crate's tests. The lock keeps another checkout that shares the target folder from
# replacing the library between build and copy.
file(MAKE_DIRECTORY ${TARGET_DIR})
file(LOCK ${TARGET_DIR}/stratos_native.lock GUARD PROCESS TIMEOUT 3600)
if(DEFINED LIBRARY)
  set(verb build --lib)
else()
  set(verb test)
endif()
execute_process(COMMAND ${CARGO} ${verb} --quiet --release --locked --target-dir ${TARGET_DIR}
  WORKING_DIRECTORY ${CRATE} COMMAND_ERROR_IS_FATAL ANY)
if(DEFINED LIBRARY)
  file(COPY_FILE ${TARGET_DIR}/release/libstratos_native.a ${LIBRARY})
  file(TOUCH ${LIBRARY})
endif()
