# esrgan_embed(OUT NAME SYMBOLS FILES): an assembler file NAME.S (OUT is its whole name), for the sources of a target, by which the linker
# takes in FILES as they are, each between the labels esrgan_SYMBOL_begin and esrgan_SYMBOL_end. SYMBOLS and FILES are lists.
function(esrgan_embed out name symbols files)
  set(assembler "  .section .rodata\n")
  foreach(symbol file IN ZIP_LISTS symbols files)
    foreach(label IN ITEMS esrgan_${symbol}_begin esrgan_${symbol}_end)
      string(APPEND assembler "  .globl ${label}\n  .hidden ${label}\n")
    endforeach()
    string(APPEND assembler
      "  .balign 64\nesrgan_${symbol}_begin:\n  .incbin \"${file}\"\nesrgan_${symbol}_end:\n")
  endforeach()
  string(APPEND assembler "  .section .note.GNU-stack,\"\",%progbits\n")
  set(made ${PROJECT_BINARY_DIR}/generated/${name}.S)
  file(CONFIGURE OUTPUT ${made} CONTENT "${assembler}" @ONLY)
  set_source_files_properties(${made} PROPERTIES OBJECT_DEPENDS "${files}")
  set(${out} ${made} PARENT_SCOPE)
endfunction()
