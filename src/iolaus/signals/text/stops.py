"""Words that say little about a prompt's subject: they weigh half in content codes.

Function words of English and of the commonest other languages, and the words with which requests
are phrased ("please write a short list of ..."): those stand in prompts on any subject. None for
Chinese and Japanese, of which the kernel makes a word per character.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .hashing import FACTOR, MIX_1, MIX_2, WORD_SEED

ENGLISH: Final = """
a about above after again against all also am among an and any are as at be because been before
being below between both but by can could d did do does doing don done down during each either else
etc ever every few for from further get gets give given go going got had has have having he her
here hers herself him himself his how however i if in into is it its itself just let like ll m made
make makes many may me might mine more most much must my myself need needs neither no nor not now of
off often on once one only onto or other others otherwise our ours ourselves out over own per
perhaps put quite rather re really s same she should since so some something still such t take than
that the their theirs them themselves then there these they this those though through thus to too
toward under until up upon us use used using ve very via want was way we well were what whatever
when where whether which while who whom whose why will with within without would yes yet you your
yours yourself yourselves
answer answers ask asked below brief briefly create describe describes detailed example examples
explain explains find following follows generate help input instruction instructions list output
please prompt provide provided question questions request response sentence sentences short show
task tasks tell text think two three using word words write writing written
"""
OTHERS: Final = """
al como con cual de del desde donde el ella ellos en entre era es esa ese eso esta este esto fue ha
hay la las le les lo los mas muy ni o para pero por porque que quien se ser si sin sobre son su sus
tu un una uno y ya escribe
ao aos as com da das do dos e ela ele em essa esse isso já mais mas na nas no nos não o os ou
para pela pelo por que se sem seu sua são também um uma você
au aux avec ce ces cette dans des donc du elle est et eux il ils je la le les leur leurs ma mais
mes moi mon ne nous on ont ou par pas plus pour qu que qui sa sans se ses sont sur ta te tes toi
ton tu un une vos votre vous été être à
aber als am an auch auf aus bei bin bis das dass dem den der des die doch du durch ein eine einem
einen einer eines er es für haben hat ich ihr im in ist ja kann mein mit nach nicht noch nur ob
oder ohne sein seine sich sie sind so um und uns unter vom von vor war was wenn wer werden wie wir
wird zu zum zur über
без бы в вам вас во вот все вы где да для до его ее если еще же за и из или их к как ко когда кто
ли мне мы на над не него нет но о об он она они от по под при с со так также то только ты у уже
чем что чтобы эта это этот я
"""

WORDS: Final = frozenset((ENGLISH + OTHERS).split())
_MASK64: Final = (1 << 64) - 1


def word_hash(word: str) -> int:
    """Hash of a lower-case word, as the kernel makes it."""
    h = int(WORD_SEED)
    for byte in word.encode():
        h = (h ^ byte) * int(FACTOR) & _MASK64
    h = (h ^ h >> 30) * int(MIX_1) & _MASK64
    h = (h ^ h >> 27) * int(MIX_2) & _MASK64
    return h ^ h >> 31


def _table() -> NDArray[np.uint64]:
    """Open addressing, 0 where free, at most half full."""
    size = 1 << (2 * len(WORDS)).bit_length()
    table = np.zeros(size, np.uint64)
    for h in map(word_hash, sorted(WORDS)):
        place = h & (size - 1)
        while table[place]:
            place = (place + 1) & (size - 1)
        table[place] = h
    return table


STOPS: Final = _table()
