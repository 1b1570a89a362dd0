"""JSON Schemas of ParkingSpot 0.1.0 and OnStreetParking 0.1.3 (Smart Data Models), in NGSI-LD's normalised form."""

from __future__ import annotations

from schema_cds import BOOL, NUMBER, POINT, POLYGON, TEXT, listing, thing

DATE_TIME = {"type": "string", "format": "date-time", "pattern": "Z$"}
URN = {"type": "string", "pattern": "^urn:ngsi-ld:[A-Za-z]+:[a-z0-9:-]+$"}
COUNT = {"type": "integer", "minimum": 0}


def of(value, *, observed=False):
    """A Property; one that is observed says when."""
    at = {"observedAt": DATE_TIME} if observed else {}
    return thing("type value" + (" observedAt" if observed else ""), type={"const": "Property"}, value=value, **at)


def related(target):
    return thing("type object", type={"const": "Relationship"}, object=target)


def located(shape):
    return thing("type value", type={"const": "GeoProperty"}, value=shape)


STAMP = thing("@type @value", **{"@type": {"const": "DateTime"}, "@value": DATE_TIME})
CONTEXT = {
    "type": "array",
    "minItems": 2,
    "contains": {"const": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"},
}
COMMON = {
    "@context": CONTEXT, "address": of({}), "alternateName": of(TEXT), "areaServed": of(TEXT),
    "dataProvider": of(TEXT), "dateCreated": of(STAMP), "dateModified": of(STAMP), "description": of(TEXT),
    "id": URN, "image": of(TEXT), "name": of(TEXT), "seeAlso": of({}), "source": of(TEXT),
}  # fmt: skip
"""Without `owner` and `annotations`, which are no business of a public feed."""
SPOT = thing(
    "@context id type location status category refParkingSite",
    **COMMON, type={"const": "ParkingSpot"},
    category=of({"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": ["onStreet", "offStreet"]}}),
    color=of(TEXT), length=of(NUMBER), width=of(NUMBER), location=located(POINT),
    status=of({"enum": ["closed", "free", "occupied", "unknown"]}, observed=True),
    refDevice=related(listing(URN)), refParkingGroup=related(URN), refParkingSite=related(URN),
    timeInstant=of(STAMP), reservedUntil=of(STAMP, observed=True), shareWindow=of(listing(TEXT)),
)  # fmt: skip
CATEGORIES = [
    "barrierAccess", "blueZone", "feeCharged", "forDisabled", "forElectricalCharging", "forLoadUnload", "forResidents",
    "free", "greenZone", "mediumTerm", "onlyWithPermit", "public", "shortTerm", "taxiStop", "underground",
]  # fmt: skip
CHARGES = [
    "additionalIntervalPrice", "annualPayment", "firstIntervalPrice", "flat", "free", "minimum", "maximum",
    "monthlyPayment", "seasonTicket", "temporaryFee", "temporaryPrice", "unknown", "other",
]  # fmt: skip
DETECTIONS = ["balancing", "manual", "modelBased", "none", "singleSpaceDetection"]
SITE = thing(
    "@context id type location",
    **COMMON, type={"const": "OnStreetParking"}, location=located(POLYGON),
    acceptedPaymentMethod=of(TEXT), allowedVehicleType=of({"enum": ["car", "carOrLightVehicle", "anyVehicle"]}),
    areBordersMarked=of(BOOL), averageSpotLength=of(NUMBER), averageSpotWidth=of(NUMBER),
    availableSpotNumber=of(COUNT, observed=True), category=of(listing({"enum": CATEGORIES})),
    chargeType=of(listing({"enum": CHARGES})), extraSpotNumber=of(COUNT), fourWheelerSlots=of(COUNT), layout=of({}),
    maximumParkingDuration=of(TEXT), municipalityInfo=of({}), observationDateTime=of(STAMP),
    occupancyDetectionType=of(listing({"enum": DETECTIONS})), occupancyModified=of(STAMP),
    occupiedSpotNumber=of(COUNT, observed=True), outOfServiceSlotNumber=of(COUNT, observed=True),
    parkingMode=of({"enum": ["echelonParking", "parallelParking", "perpendicularParking"]}), parkingSiteId=of(TEXT),
    permitActiveHours=of({}), refParkingGroup=related(listing(URN)), refParkingSpot=related(listing(URN)),
    requiredPermit=of(listing(TEXT)), totalSpotNumber=of(COUNT), twoWheelerSlots=of(COUNT), unclassifiedSlots=of(COUNT),
    usageScenario=of({}),
)  # fmt: skip
ANSWERS = {"/ParkingSpot": listing(SPOT), "/OnStreetParking": listing(SITE)}
