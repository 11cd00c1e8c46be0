# Commands, options and help.
. tests/cli/lib.sh

expect 2
out_empty
err_has 'a command is needed'
err_has 'blok help'

expect 2 insepct "$DIGITS"
err_has "did you mean inspect?"
expect 2 frobnicate
err_has "no command 'frobnicate'"
err_lacks 'did you mean'

expect 2 -q inspect "$DIGITS"
err_has 'options come after the command: blok COMMAND -q'

expect 0 --version
out_has 'blok 0.'
out_has 'instruction sets: '
out_has 'built with: '
out_has 'pictures: ppm'
expect 0 --help
out_has 'usage: blok COMMAND'
expect 0 help
for verb in inspect run verify check convert build diff bench help; do
  out_has "$verb"
done
for verb in inspect run verify check convert build diff bench help; do
  expect 0 help $verb
  out_has "usage: blok $verb"
  out_has 'examples'
  err_empty
  cp "$T/out" "$T/page"
  expect 0 $verb --help
  same "$T/out" "$T/page"
done
expect 2 help nothing
err_has "no command 'nothing'"
err_lacks 'help help'

# Flags of later versions are usage errors that say so.
for flag in --no-winograd; do
  expect 2 run "$DIGITS" $flag
  err_has "$flag is not in this version"
  out_empty
done

# How a model is computed.
for threads in 0 -1 1025 many 2.5 ''; do
  expect 2 run "$DIGITS" -t "$threads"
  err_has '-t takes a number of threads from 1 to 1024'
  expect 2 run "$DIGITS" --threads="$threads"
  err_has '-t takes a number of threads from 1 to 1024'
done
expect 2 run "$DIGITS" -t
err_has '-t needs a value'
expect 2 run "$DIGITS" --isa mmx
err_has "instruction set 'mmx'"
err_has 'scalar'
BLOK_ISA=mmx expect 2 run "$DIGITS"
err_has 'BLOK_ISA'
err_has "'mmx'"
expect 2 run "$DIGITS" --isa
err_has '--isa needs a value'
for flag in '-t 2' '--isa scalar' --no-blocks --reference; do
  expect 2 convert "$DIGITS" "$T/out.onnx" $flag
  err_has 'is not for convert in this version'
  expect 2 inspect "$DIGITS" $flag
  err_has '--plan and --memory'
  expect 0 inspect "$DIGITS" --plan $flag
  expect 0 run "$DIGITS" -q --json $flag
  json 'len(d["outputs"]) == 1'
done
expect 2 inspect "$DIGITS" --plan --tree
err_has '--plan and --memory'
expect 2 run "$DIGITS" --profile
for ending in blok txt onnxx; do
  expect 2 convert "$DIGITS" "$T/out.$ending"
  err_has '.onnx, .c and .py'
  absent "$T/out.$ending"
done

expect 2 run "$DIGITS" --topp 3
err_has "'--topp'"
expect 2 run "$DIGITS" -x
err_has "'-x'"
expect 2 run "$DIGITS" --top
err_has '--top needs a value'
expect 2 run "$DIGITS" -i
err_has '-i needs a value'
expect 2 run "$DIGITS" --top 0
expect 2 run "$DIGITS" --top many
expect 2 run "$DIGITS" --scale x
expect 2 run "$DIGITS" --scale 1/0
expect 2 run "$DIGITS" --mean 1,2
expect 2 run "$DIGITS" --std 0
expect 2 run "$DIGITS" --std 1,1,1,1
expect 2 run "$DIGITS" --resize bigger
expect 2 run "$DIGITS" --dim N
expect 2 run "$DIGITS" --dim N=
expect 2 run "$DIGITS" --dim N=-1
expect 2 run "$DIGITS" --shape picture=1x
expect 2 run "$DIGITS" --shape picture=1x1x8x99999999999999999999
expect 2 verify "$DIGITS" --rtol -1
expect 2 bench "$DIGITS" --runs 0
expect 2 bench "$DIGITS" --seconds 0
for verb in inspect run verify check bench; do
  expect 2 $verb
  err_has 'a model is needed'
  expect 2 $verb "$DIGITS" "$DIGITS"
done
expect 2 convert "$DIGITS"
expect 2 convert "$DIGITS" a.onnx b.onnx
expect 2 inspect "$DIGITS" --dim N=1
err_has '--plan and --memory'

# With --json a usage error is JSON too, wherever --json stands.
expect 2 run "$DIGITS" --top 0 --json
json 'd["error"]["status"] == 2 and d["error"]["code"] == "usage" and "--top" in d["error"]["message"]'
err_empty
expect 2 --json
json 'd["error"]["status"] == 2'

# Each option of the help pages stands in the manual.
for verb in inspect run verify check convert build bench; do
  expect 0 help $verb
  for option in $(grep -oE '^ +(-., )?--[a-z-]+' "$T/out" | grep -oE -- '--[a-z-]+'); do
    grep -q -- "Fl -${option#--}" docs/blok.1 || complain "docs/blok.1 lacks $option"
    grep -q -- "$option" tools/blok.bash-completion || complain "the completion lacks $option"
  done
done
bash -n tools/blok.bash-completion || complain 'the completion is no bash'

finish
