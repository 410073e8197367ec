"""The parts and joints of a person: what parsings and keypoints are indexed by."""

from enum import IntEnum


class Part(IntEnum):
    """Parts of a person in a parsing. `SKIN` is torso skin and neck; `ARMS` holds hands and sleeves' ends."""

    BACKGROUND = 0
    HAIR = 1
    FACE = 2
    SKIN = 3
    ARMS = 4
    LEGS = 5
    UPPER = 6
    DRESS = 7
    LOWER = 8
    FOOTWEAR = 9
    ACCESSORY = 10


class Joint(IntEnum):
    """The 17 COCO keypoints; left and right are the person's own."""

    NOSE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_EAR = 3
    RIGHT_EAR = 4
    LEFT_SHOULDER = 5
    RIGHT_SHOULDER = 6
    LEFT_ELBOW = 7
    RIGHT_ELBOW = 8
    LEFT_WRIST = 9
    RIGHT_WRIST = 10
    LEFT_HIP = 11
    RIGHT_HIP = 12
    LEFT_KNEE = 13
    RIGHT_KNEE = 14
    LEFT_ANKLE = 15
    RIGHT_ANKLE = 16


# The joint that each becomes when the picture is mirrored.
MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
