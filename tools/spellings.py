"""The ten words as each language's letters write their sound, so that a voice of that language says them with its accent.

One line a language, zero to nine. How a voice is made to read them is ``voices``'s business.
"""

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_LINES = """
en     zero one two three four five six seven eight nine
en-learner zeero wun too sree faw fife seeks sevven ate nine
af     ziero wan toe srie for faaif siks sewwen eit nain
bg     зироу уан ту три фор файв сикс севън ейт найн
bn     জিরো ওয়ান টু থ্রি ফোর ফাইভ সিক্স সেভেন এইট নাইন
bs     ziro uan tu tri for fajv siks seven ejt najn
ca     ziro uan tu zri for faiv sics seven eit nain
cs     zírou uan tú srí fór fajv siks seven ejt najn
cy     siro wan tw thri ffor ffaif sics sefen eit nain
da     siro uan tu sri for fajv siks seven ejt najn
de     siero uann tuh srie fohr faif sicks säwen ejt nain
el     ζίρο ουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν
eo     ziro ŭan tu tri for fajv siks seven ejt najn
es     siro uan tu zri for faiv sics seven eit nain
et     ziirou uan tuu srii foor faiv siks seven eit nain
eu     siro uan tu tri for faib siks seben eit nain
fi     siirou uan tuu srii foor faiv siks seven eit nain
fr     zirô ouane tou sri fôre faïve sixe sévène éïte naïne
gu     ઝીરો વન ટુ થ્રી ફોર ફાઇવ સિક્સ સેવન એટ નાઇન
hi     ज़ीरो वन टू थ्री फ़ोर फ़ाइव सिक्स सेवन एट नाइन
hr     ziro uan tu sri for fajv siks seven ejt najn
hu     zíró uan tú szrí fór fájv sziksz szeven éjt nájn
id     ziro wan tu tri for faif siks seven eit nain
is     síro úan tú þrí for fæv six seven eit næn
it     ziro uan tu tri for faiv sics seven eit nain
ja     ジーロー ワン トゥー スリー フォー ファイブ シックス セブン エイト ナイン
ka     ზირო უან ტუ სრი ფორ ფაივ სიქს სევენ ეით ნაინ
kn     ಜೀರೋ ವನ್ ಟೂ ತ್ರೀ ಫೋರ್ ಫೈವ್ ಸಿಕ್ಸ್ ಸೆವೆನ್ ಎಯ್ಟ್ ನೈನ್
ko     지로 원 투 쓰리 포 파이브 식스 세븐 에잇 나인
lt     zyro uan tu tri for faiv siks seven eit nain
lv     zīro uan tū srī for faiv siks seven eit nain
mk     зиро уан ту три фор фајв сикс севен ејт најн
ml     സീറോ വൺ ടു ത്രീ ഫോർ ഫൈവ് സിക്സ് സെവൻ എയ്റ്റ് നയൻ
mr     झीरो वन टू थ्री फोर फाइव्ह सिक्स सेवन एट नाईन
ms     ziro wan tu tri for faif siks seven eit nain
nb     siro uann to tri får faiv siks seven eit nain
ne     जिरो वन टु थ्री फोर फाइभ सिक्स सेभेन एट नाइन
nl     ziro wan toe srie for faif siks sevven eet najn
pa     ਜ਼ੀਰੋ ਵਨ ਟੂ ਥ੍ਰੀ ਫ਼ੋਰ ਫ਼ਾਈਵ ਸਿਕਸ ਸੈਵਨ ਏਟ ਨਾਈਨ
pl     ziro łan tu sri for fajw syks sewen ejt najn
pt     zirou uan tu tri fór faiv sics séven eit nain
ro     zirou uan tu sri for faiv sics seven eit nain
ru     зироу уан ту сри фор файв сикс сэвэн ейт найн
sk     zírou uan tú srí fór fajv siks seven ejt najn
sl     ziro uan tu tri for fajv siks seven ejt najn
sq     ziro uan tu thri for fajv siks seven ejt najn
sr     ziro uan tu tri for fajv siks seven ejt najn
sv     siro uann tou tri får fajv six sevven ejt najn
sw     ziro wan tu thri foo faiv siks seven eit nain
ta     ஜீரோ ஒன் டூ த்ரீ ஃபோர் ஃபைவ் சிக்ஸ் செவன் எயிட் நைன்
te     జీరో వన్ టూ త్రీ ఫోర్ ఫైవ్ సిక్స్ సెవెన్ ఎయిట్ నైన్
tr     ziro uan tu sri for fayv siks sevın eyt nayn
uk     зіроу уан ту срі фор файв сікс севен ейт найн
ur     زیرو ون ٹو تھری فور فائیو سکس سیون ایٹ نائن
"""

SPELLINGS: dict[str, tuple[str, ...]] = {line.split()[0]: tuple(line.split()[1:]) for line in _LINES.strip().splitlines()}
assert all(len(spelling) == len(WORDS) for spelling in SPELLINGS.values())

# read by the voices of ``digits-wide`` only, beside those above
_OTHER_LINES = """
de     sirou wann tu sri foh feif six sewwen eht nein
eo     zirou ŭon tu sri foŭr fajf siks sevn ejt najn
es     sirou guan tu sri for faif sics sevn eit nain
fr     ziro ouanne tou fri fore faïv sixe sèvenne eïte naïne
it     sirou uan tuu tri foor faif siks sèven eit nain
ja     ゼロ ワン ツー スリー フォア ファイヴ シックス セヴン エイト ナイン
pt     ziro uon tu sri fór faif siques séven eit nain
ru     зиро ван ту три фо файв сикс севен эйт найн
ru     зироу уон ту фри фор файф сикс сэвн эйт найн
uk     зіро ван ту трі фо файв сікс севен ейт найн
uk     зіроу уон ту фрі фор файф сікс севн ейт найн
"""
OTHERS: dict[str, tuple[tuple[str, ...], ...]] = {}
for _line in _OTHER_LINES.strip().splitlines():
    OTHERS[_line.split()[0]] = (*OTHERS.get(_line.split()[0], ()), tuple(_line.split()[1:]))
assert all(len(spelling) == len(WORDS) for spellings in OTHERS.values() for spelling in spellings)
