"""The 25 districts of Seoul: their names and the boxes around them. A table of figures, no outlines."""

from __future__ import annotations

from typing import NamedTuple


class District(NamedTuple):
    """A district; the box is in WGS 84 degrees, rounded outward by some 300 m."""

    name: str
    south: float
    west: float
    north: float
    east: float

    def holds(self, lat: float, lon: float) -> bool:
        """Tell whether the point lies in the box."""
        return self.south <= lat <= self.north and self.west <= lon <= self.east


DISTRICTS: dict[str, District] = {
    "도봉구": District("dobong", 37.625, 127.007, 37.702, 127.061),
    "동대문구": District("dongdaemun", 37.554, 127.022, 37.610, 127.084),
    "동작구": District("dongjak", 37.470, 126.902, 37.520, 126.990),
    "은평구": District("eunpyeong", 37.570, 126.881, 37.659, 126.977),
    "강북구": District("gangbuk", 37.603, 126.979, 37.685, 127.055),
    "강동구": District("gangdong", 37.511, 127.109, 37.581, 127.188),
    "강남구": District("gangnam", 37.453, 127.011, 37.539, 127.127),
    "강서구": District("gangseo", 37.521, 126.764, 37.605, 126.895),
    "금천구": District("geumcheon", 37.428, 126.873, 37.487, 126.934),
    "구로구": District("guro", 37.468, 126.812, 37.517, 126.908),
    "관악구": District("gwanak", 37.430, 126.899, 37.495, 126.994),
    "광진구": District("gwangjin", 37.518, 127.056, 37.574, 127.119),
    "종로구": District("jongno", 37.560, 126.948, 37.632, 127.028),
    "중구": District("jung", 37.538, 126.961, 37.572, 127.032),
    "중랑구": District("jungnang", 37.564, 127.069, 37.621, 127.123),
    "마포구": District("mapo", 37.524, 126.857, 37.591, 126.969),
    "노원구": District("nowon", 37.608, 127.041, 37.697, 127.117),
    "서초구": District("seocho", 37.423, 126.979, 37.528, 127.101),
    "서대문구": District("seodaemun", 37.549, 126.901, 37.608, 126.975),
    "성북구": District("seongbuk", 37.572, 126.974, 37.637, 127.077),
    "성동구": District("seongdong", 37.523, 127.007, 37.573, 127.079),
    "송파구": District("songpa", 37.459, 127.066, 37.544, 127.166),
    "양천구": District("yangcheon", 37.497, 126.821, 37.552, 126.897),
    "영등포구": District("yeongdeungpo", 37.479, 126.879, 37.550, 126.955),
    "용산구": District("yongsan", 37.506, 126.943, 37.555, 127.026),
}
SEOUL = District(
    "seoul",
    min(district.south for district in DISTRICTS.values()),
    min(district.west for district in DISTRICTS.values()),
    max(district.north for district in DISTRICTS.values()),
    max(district.east for district in DISTRICTS.values()),
)
