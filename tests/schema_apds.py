"""JSON Schemas of what we serve of APDS 4.0, written from its OpenAPI: names, what must be there, enums, patterns.

Its `Reference` may have one property and must have two: here it has both. Its `RateTable` must have two properties that
it does not define: here they are a DateTime and an OverallPeriod.
"""

from __future__ import annotations

from schema_cds import BOOL, LONLAT, NUMBER, POINT, TEXT, UUID, WHOLE, listing, thing

DATE_TIME = {"type": "string", "format": "date-time", "pattern": "Z$"}
TIME = {"type": "string", "pattern": "^([0-1]?[0-9]|2[0-3]):[0-5][0-9]$"}
DURATION = {"type": "string", "pattern": r"^P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$"}
MULTILINGUAL = {
    "type": "array",
    "minItems": 1,
    "items": thing("language string", language={"type": "string", "pattern": "^[a-z]{2}$"}, string=TEXT),
}
VERSION = {"type": "integer", "minimum": 1}
IDENTITY = {"id": UUID, "version": VERSION}
CLASS = {"type": "string", "pattern": "^[A-Z]+[A-Za-z0-9]+"}
REFERENCE = thing("id className", id=TEXT, className=CLASS)
VERSIONED = thing("id version", **IDENTITY, className=CLASS)
LEVEL = thing("occupancyIndicator", occupancyIndicator=thing("entryDefinedValue", entryDefinedValue=TEXT))
AMOUNT = thing("currencyType currencyValue", currencyType={"pattern": "^[A-Z]{3}$"}, currencyValue=NUMBER)
MULTI_POLYGON = thing("type coordinates", type={"const": "MultiPolygon"}, coordinates=listing(listing(listing(LONLAT))))

# ---- time
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
PERIOD = thing(
    "",
    periodName=MULTILINGUAL, startOfPeriod=DATE_TIME, endOfPeriod=DATE_TIME,
    recurringDayWeekMonthPeriod=listing(thing(
        "", applicableDay={"type": "array", "uniqueItems": True, "maxItems": 7, "items": {"enum": DAYS}},
        applicableMonth=listing(TEXT), applicableWeek=listing(TEXT),
    )),
    recurringSpecialDay=listing({}),
    recurringTimePeriodOfDay=listing(
        thing("startTimeOfPeriod endTimeOfPeriod", startTimeOfPeriod=TIME, endTimeOfPeriod=TIME)
    ),
)  # fmt: skip
OVERALL = thing(
    "overallStartTime",
    overallStartTime=DATE_TIME, overallEndTime=DATE_TIME, validPeriods=listing(PERIOD),
    exceptionPeriods=listing(PERIOD),
)  # fmt: skip
VALIDITY = thing(
    "validityTimeSpecification",
    validityStatus={"enum": ["active", "definedByValidityTimeSpec", "planned", "suspended"]},
    validityTimeSpecification=OVERALL,
)

# ---- places
DEMAND = thing(
    "recordDateTime",
    count={"type": "integer", "minimum": 0}, percentage={"type": "number", "minimum": 0, "maximum": 100},
    occupancyCalculation={"enum": ["counted", "derived", "expected", "verified"]}, recordDateTime=DATE_TIME,
)  # fmt: skip
SPACE_DEMAND = thing(
    "detectionUpdateTime",
    detectionUpdateTime=DATE_TIME, occupancyEstimatedStartTime=DATE_TIME, occupancyEstimatedEndTime=DATE_TIME,
    occupancyStartTime=DATE_TIME, occupancyEndTime=DATE_TIME, spaceId=REFERENCE, occupancyLevel=LEVEL,
)  # fmt: skip
ELEMENT_REFERENCE = thing(
    "elementId",
    elementId=VERSIONED,
    demandTable=listing(thing(
        "", frequency=DURATION, timestamp=DATE_TIME, demandType=listing(DEMAND), demandSpaceType=listing(SPACE_DEMAND)
    )),
    supply=listing(thing(
        "supplyQuantity supplyViewType", supplyQuantity=WHOLE, supplyViewType={"enum": ["spaceView", "vehicleView"]},
        supplyValidityStart=DATE_TIME, supplyValidityEnd=DATE_TIME,
    )),
)  # fmt: skip


def element(kind, required="", **properties):
    return thing(
        f"id version type name layer hierarchyElementRecord {required}",
        **IDENTITY, type={"const": kind}, name=MULTILINGUAL, description=MULTILINGUAL, aliases=listing(MULTILINGUAL),
        operatorDefinedReference=VERSIONED, parentId=VERSIONED, childIds=listing(VERSIONED),
        layer={"type": "integer", "minimum": 0}, rightSpecifications=listing(VERSIONED),
        hierarchyElementRecord=thing("creationTime", creationTime=DATE_TIME, creator=VERSIONED, creatorEmail=TEXT),
        hierarchyElementReference=ELEMENT_REFERENCE, occupancyLevel=LEVEL, responsibilityRoleAssignments=listing({}),
        **properties,
    )  # fmt: skip


CHARACTERISTICS = thing(
    "",
    openToPublic=BOOL, accessControlled=BOOL, robotic=BOOL, disabledAccess=BOOL,
    operatingModes=listing({"enum": ["app", "payAndDisplay", "payByPlate", "payBySpace", "permit", "ticket"]}),
    spacesNonDedicated=WHOLE, spacesTotal=WHOLE, structureGrade={"enum": ["aboveGround", "groundLevel", "underground"]},
    structureType={"enum": ["offStreetStructure", "offStreetSurface", "onStreet"]}, evChargingPoints=WHOLE,
)  # fmt: skip
DETECTION = ["anpr", "imageAnalytics", "spaceSensor", "userDeclaration", "videoAnalytics", "videoSpace", "visual"]
PLACES = {
    "campus": element("campus"),
    "place": element(
        "place", "timeZone",
        timeZone=TEXT, placeStreetAddress={}, placeBoundedZone=listing(MULTI_POLYGON),
        indicativePlacePointLocation=listing(POINT), characteristics=CHARACTERISTICS, operatingRestrictions=listing({}),
        times={}, paymentMethods=listing({}),
    ),
    "space": element(
        "space", "spaceId",
        spaceId=REFERENCE, detection={"enum": DETECTION}, indicativePointLocation=POINT,
        spaceBoundedZone=MULTI_POLYGON, spaceDimension={}, spaceMaximumDims={}, operatingRestrictions=listing({}),
    ),
}  # fmt: skip

# ---- rights
CREDENTIALS = [
    "barcode", "bluetooth", "eticket", "hangtag", "licensePlate", "permit", "qrCode", "rfid", "ticket", "electronicID",
    "ticketcoupon", "vehicleplate",
]  # fmt: skip
CREDENTIAL = thing(
    "identifier type",
    type={"enum": CREDENTIALS}, credentialAssignedType={"enum": ["customer", "vehicle", "other"]},
    identifier=REFERENCE, issuer=MULTILINGUAL,
)  # fmt: skip
RIGHT_TYPES = [
    "accessPermission", "loadingUnloading", "oneTimeUseParking", "permitParking", "setdownPickup", "waiting",
]  # fmt: skip
RIGHT_SPECIFICATION = thing(
    "id version issuer transferable hierarchyElements validity",
    **IDENTITY, description=MULTILINGUAL, type={"enum": RIGHT_TYPES}, financialReference=TEXT, transferable=BOOL,
    transferableConditions=BOOL, credentials=listing({"enum": CREDENTIALS}), validity=VALIDITY, expiry=DATE_TIME,
    rightPools=listing({}), issuer=VERSIONED,
    hierarchyElements={"type": "array", "minItems": 1, "items": VERSIONED},
    rateEligibility=listing(thing(
        "id version", **IDENTITY, priority={"type": "integer", "minimum": 1}, combinable=BOOL, eligibility={},
        rateTable=VERSIONED, rateDiscount={},
    )),
    rateTransition=thing(
        "", overpaymentPolicy={"enum": ["rateEndCutOff", "fullTimePurchased", "creditCarryOver"]},
        followThroughAllowed=BOOL, prepaymentAllowed=BOOL, reservationAvailable=BOOL,
    ),
)  # fmt: skip
RATE_LINE = thing(
    "id version sequence rateLineType value",
    **IDENTITY, sequence={"type": "integer", "minimum": 1},
    rateLineType={"enum": ["flatRate", "flatRateTier", "incrementingRate"]}, description=MULTILINGUAL,
    durationStart=TEXT, durationEnd=TEXT, incrementPeriod=DURATION, value=NUMBER, minValue=NUMBER, maxValue=NUMBER,
    usageCondition={"enum": ["fixedDuration", "fixedNumber", "once", "unlimited"]}, rateLineTax={},
)  # fmt: skip
COLLECTION = thing(
    "id version collectionSequence applicableCurrency resetTime validStart relativeTimes taxIncluded rateLines",
    **IDENTITY, collectionSequence={"type": "integer", "minimum": 1}, applicableCurrency={"pattern": "^[A-Z]{3}$"},
    minTime=DURATION, maxTime=DURATION, resetTime=TIME, minValueCollection=AMOUNT, maxValueCollection=AMOUNT,
    validStart=DATE_TIME, validEnd=DATE_TIME, relativeTimes=BOOL, taxIncluded=BOOL, taxRate=NUMBER, taxValue=NUMBER,
    rateLines={"type": "array", "minItems": 1, "items": RATE_LINE},
)  # fmt: skip
RATE_TABLE = thing(
    "id version rateTableName availability validityStart activeTimes rateLineCollections",
    **IDENTITY, rateTableName=MULTILINGUAL, rateTableID=MULTILINGUAL,
    availability={"enum": ["private", "public", "restricted"]}, rateResponsibleParty=VERSIONED,
    rateSupersedeLink=VERSIONED, validation=BOOL, rateType={"enum": ["contract", "daily", "event", "hourly"]},
    additionalInformation=TEXT, validity=VALIDITY, validityStart=DATE_TIME, activeTimes=OVERALL,
    rateLineCollections={"type": "array", "minItems": 1, "items": COLLECTION},
)  # fmt: skip
METHODS = {"enum": ["electronic", "ticket", "permit"]}
PLANNED_USE = thing(
    "startTime",
    startTime=DATE_TIME, endTime=DATE_TIME, cancelTime=DATE_TIME, expiryTime=DATE_TIME, issuer=VERSIONED,
    issuanceTime=DATE_TIME, issueMethod=METHODS,
    credentialsAssigned={"type": "array", "minItems": 1, "items": CREDENTIAL},
)  # fmt: skip
ASSIGNED_RIGHT = thing(
    "id version rightSpecification rightHolder",
    **IDENTITY, rightSpecification=VERSIONED, rightHolder=thing("", credentials=listing(CREDENTIAL)),
    assignedRightIssuer=VERSIONED, issueMethod=METHODS, issuanceTime=DATE_TIME, minutesAvailable=NUMBER,
    minutesUsed=NUMBER, totalMinutes=NUMBER, remainingValue=AMOUNT, totalRightValue=AMOUNT, instancesUsed=WHOLE,
    instancesAvailable=WHOLE, totalInstances=WHOLE, expiry=DATE_TIME, plannedUses=listing(PLANNED_USE),
    payments=listing({}),
    monetaryValue=thing(
        "taxIncluded serviceProvider value", taxIncluded=BOOL, serviceProvider=VERSIONED, value=AMOUNT
    ),
)  # fmt: skip
SEGMENT = thing(
    "id version actualStart assignedRight validationType",
    **IDENTITY, actualStart=DATE_TIME, actualEnd=DATE_TIME, assignedRight=VERSIONED, spaceId=VERSIONED,
    validationType={"type": "array", "minItems": 1, "items": {"enum": CREDENTIALS}}, validationId=TEXT,
    credentialId=REFERENCE, notes=MULTILINGUAL,
)  # fmt: skip
SESSION = thing(
    "id version actualStart initiator identifiedCredentials segments",
    **IDENTITY, actualStart=DATE_TIME, actualEnd=DATE_TIME, initiator=VERSIONED, hierarchyElement=VERSIONED,
    identifiedCredentials={"type": "array", "minItems": 1, "items": CREDENTIAL},
    segments={"type": "array", "minItems": 1, "items": SEGMENT}, identifiedVehicle={},
)  # fmt: skip


def page(item):
    """A PaginatedList."""
    count = {"type": "integer", "minimum": 0}
    meta = thing(
        "referenceInstant offset pageSize total", referenceInstant=count, offset=count, pageSize=count, total=count
    )
    return thing("meta data", meta=meta, data=listing(item), deletedReferences=listing({}))


ANSWERS = {
    "/places": page({"oneOf": list(PLACES.values())}),
    "/rights/specs": page(RIGHT_SPECIFICATION),
    "/rates": page(RATE_TABLE),
    "/rights/assigned": page(ASSIGNED_RIGHT),
    "/sessions": page(SESSION),
}
