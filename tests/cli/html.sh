# `blok inspect --html`: the page itself; what a browser makes of it is tests/checks/html_page.py's.
. tests/cli/lib.sh

# page FILE EXPRESSION: the expression over d (the model in the page) and text (the page) is true.
page() {
  python3 - "$1" "$2" <<'END' 2> "$T/json" || complain "page: $2 $(tail -n 1 "$T/json")"
import html.parser, json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()

class Walk(html.parser.HTMLParser):
    """The text of the script of type application/json, the tags, and that they close."""
    def __init__(self):
        super().__init__()
        self.open, self.model, self.tags = [], "", []
    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "input"):
            self.open.append((tag, dict(attributes)))
    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, tag
    def handle_data(self, data):
        if self.open and self.open[-1][1].get("type") == "application/json":
            self.model += data

walk = Walk()
walk.feed(text)
walk.close()
assert not walk.open, walk.open
d = json.loads(walk.model)
links = [a for _, a in walk.tags for k in a if k in ("src", "href", "action")]
tags = [tag for tag, _ in walk.tags]
sys.exit(0 if eval(sys.argv[2]) else 1)
END
}

expect 0 inspect "$DIGITS" --html "$T/page.html"
out_empty
err_one_line
err_has 'page.html'
page "$T/page.html" 'd["schema"] == 1 and d["model"]["file"] == "torchscript/model.onnx"'
page "$T/page.html" 'not links and "http-equiv" in text and not re.search(r"url\(|@import|fetch\(|XMLHttp|WebSocket", text)'
page "$T/page.html" 'text.count("http") == text.count("http-equiv") + text.count("http://www.w3.org/2000/svg")'
page "$T/page.html" 'len(d["nodes"]) == 59 and all(len(n["shapes"]) == len(n["out"]) for n in d["nodes"])'

# The same blocks as in the answer for scripts.
expect 0 inspect "$DIGITS" --json
cp "$T/out" "$T/inspect.json"
page "$T/page.html" '[(b["kind"], b["name"], b["parameters"]) for b in d["blocks"]] == [
  (b["kind"], b["name"], b["parameters"]) for b in json.load(open(sys.argv[1].replace("page.html", "inspect.json")))["blocks"]]'

# Statistics: of what a small model says of itself.
python3 - "$GOOD/typed_data/model.onnx" > /dev/null || complain 'typed_data is missing'
expect 0 inspect "$GOOD/typed_data/model.onnx" --html "$T/typed.html" -q
err_empty
page "$T/typed.html" 'all(w["min"] <= w["mean"] <= w["max"] and w["std"] >= 0 and sum(w["bars"]) <= 10**6 for w in d["weights"] if "min" in w)'
page "$T/typed.html" 'any("values" in w for w in d["weights"])'
page "$T/page.html" 'all(sum(w["bars"]) in (0, w["bytes"] // 4) for w in d["weights"] if w["type"] == "float32")'

# To standard output; the page is the answer.
expect 0 inspect "$DIGITS" --html -
cp "$T/out" "$T/piped.html"
same "$T/piped.html" "$T/page.html"
INPUT=$DIGITS expect 0 inspect - --html "$T/stdin.html"
page "$T/stdin.html" 'd["model"]["file"] == "-"'

# Names from a hostile file neither end the JSON nor become tags.
python3 - "$DIGITS" "$T/hostile.onnx" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
old = b"/pool/GlobalAveragePool"
assert old in data
new = b"</script><img src=x>\x01\xff!"
open(sys.argv[2], "wb").write(data.replace(old, new[: len(old)].ljust(len(old), b"!")))
END
expect 0 inspect "$T/hostile.onnx" --html "$T/hostile.html"
page "$T/hostile.html" '"img" not in tags and "<img" not in text'
page "$T/hostile.html" 'any(n["name"].startswith("</script><img src=x>\x01") for n in d["nodes"])'

# A model that cannot be run is shown with the reason.
expect 0 inspect "$GOOD/unknown_operator/model.onnx" --html "$T/unknown.html"
page "$T/unknown.html" 'd["model"]["why"] and any(n.get("unknown") for n in d["nodes"]) and d["blocks"] == []'

# Written whole or not at all.
expect 4 inspect "$DIGITS" --html "$T/nowhere/page.html"
err_one_line
err_has 'nowhere/page.html'
echo before > "$T/kept.html"
expect 3 inspect "$T/absent.onnx" --html "$T/kept.html"
[ "$(cat "$T/kept.html")" = before ] || complain 'the old page is gone'
if [ -c /dev/full ]; then
  expect 4 inspect "$DIGITS" --html /dev/full
  err_one_line
fi
expect 2 inspect "$DIGITS" --html
err_has '--html'

finish
