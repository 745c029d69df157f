"""A night of a farm, simulated: every film ends, and little is done twice."""

from farm_simulation import SYNC, simulate


def test_every_film_ends_though_cards_fail():
    night = simulate(films=400, cards=16, mean=300.0, mtbf=1800.0, repair=120.0)
    assert night.finished == 400 and night.set_aside == 0 and night.failures > 40
    assert 0 < night.again <= night.failures * SYNC
    spent = night.useful + night.again + night.idle + night.down
    assert abs(spent - night.ends * 16) < 1.0
    assert night == simulate(films=400, cards=16, mean=300.0, mtbf=1800.0, repair=120.0)
