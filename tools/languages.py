"""Write down the languages of eSpeak NG, so that a page has them before a worker is there: ``python tools/languages.py``."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from l1demo import synthesis, synthesis_tasks


def main() -> None:
    rows = [json.dumps([language.code, language.name], ensure_ascii=False) for language in synthesis.languages()]
    synthesis_tasks.LANGUAGES.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
