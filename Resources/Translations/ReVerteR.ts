<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en_US">
<context>
    <name>ImportRadiographs</name>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source> mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>0 leaves it to the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: beam</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: decisions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: grey values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: magnification</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: mirror</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: pixel size in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: source to detector in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: source to patient in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: turn by 90 degrees</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: upside down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Beam:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Close without importing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Detector over patient; used when the file tells the pixel size at the detector. 0 leaves it to the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Estimate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Estimate it from both images, where that is reliable.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Grey values:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Import</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Import radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: beam</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: decisions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: grey values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: magnification</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: mirror</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: pixel size in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: source to detector in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: source to patient in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: turn by 90 degrees</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: upside down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Magnification:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Mirror</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Mirror the picture left to right</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Pixel size in the patient; 0 leaves it to the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Pixel size:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Put both radiographs into the scene, in their true planes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Raise lateral by:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Raise lateral image by, in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Source to detector:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Source to patient:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Taken as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>The file of the AP radiograph: DICOM, PNG, TIFF, JPEG, NRRD, MetaImage or NIfTI.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>The file of the lateral radiograph: DICOM, PNG, TIFF, JPEG, NRRD, MetaImage or NIfTI.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>The radiograph as it is understood. Compare the letters with the markers in the picture: R and L are the patient's right and left, A and P front and back, H and F head and feet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Turn 90°</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Turn the picture clockwise; the letters stay, the anatomy moves under them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Turn the picture upside down by mirroring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Two exposures need not be at one height: raises the lateral image towards the head.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Upside down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Way of the beam; it does not turn the picture.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What the numbers mean: larger is more material, less material, or more light.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What to check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What to check before the radiographs are used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What was decided and why. Stated: by the file. Assumed: please check.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Which file is which</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Which is which:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Why</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>as-given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>as-stored</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>auto</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>auto exchanges the files when their headers say so.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>by the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>intensity</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>inverted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>swapped</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteR</name>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source> %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source> mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>1. Radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>2. Vertebrae</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>3. Reconstruct</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>4. Look</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>5. Results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>6. Set-up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>60°</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>90 looks from the head down.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>A weights file (.safetensors) of your own; it is checked and offered in section 3. Nothing is downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>AP radiograph</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>AP, lateral and 3D view side by side; your layout comes back when you leave the module</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>AP:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>About the body's long axis; 0 is the front, 90 the patient's left.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>After Y. Chen et al., Automatic 3D Reconstruction of Vertebrae from Orthogonal Bi-Planar Radiographs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Anchor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Angles of a C-arm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Another Python that has PyTorch, for example one that knows your graphics card; empty for Slicer's own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Beam of the simulation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Beam:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>C-arm:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>CT in Hounsfield units, in any orientation. Both radiographs are computed from the whole of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>CT volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>CT:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>Cancelled; earlier results are unchanged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>Cancelling...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Centroids:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check all vertebrae</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check device, versions, weights and free space</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check to show a vertebra. The last column tells how far the outline lies from the edges in the radiographs, measured with section 5.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/preflight.py"/>
        <source>Checking the set-up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Click a vertebra in one radiograph and then in the other; press again to stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Compute an AP and a lateral radiograph of the CT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Compute only what has changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Compute the checked vertebrae</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_radiographs.py"/>
        <source>Computing the radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Confidence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Copy report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Copy the report, to paste it into a question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>DICOM SEG</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>DICOM segmentation with SNOMED CT codes, made-up patient.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Delete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Delete the selected vertebra</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Device:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Direction of the meshes' axes: LPS (as DICOM) or RAS (as Slicer shows). It is written into the files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Do it again (Ctrl+Y)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Download Slicer's own chest CT and choose it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Draw the outline of the result over both radiographs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Elevation in degrees</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Elevation:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Find and name the vertebrae in both radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Find vertebrae</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_annotate.py"/>
        <source>Finding the vertebrae</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Folder to export to</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Frame of the meshes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Front</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Give the selected vertebra this level, and only this one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>How much of the present task is done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Import files...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Install PyTorch and what else is missing; you are asked first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Install what is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>LAO 0 / CRAN 0</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Label map with VerSe labels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Lateral radiograph</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Lateral:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Level of the selected vertebra</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Levels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>List of centroids</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Lock</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from 60° to the patient's left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from the front, as the AP radiograph does</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from the head down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from the patient's left, as the lateral radiograph does</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Make a CT of a spine of mean shapes and choose it; works without a network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Measure</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Measure the result as it is now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Measurements of the spine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_measure.py"/>
        <source>Measuring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Mesh frame:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>NIfTI</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Network:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Next step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Numbers of the whole spine. All of them, also those of each vertebra, are in two table nodes (module Tables).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>OBJ</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Of the selected vertebra, or of all when none is selected; 0 % cannot be seen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>One line for each vertebra, from the head down. Click a line to see it in all views.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>One point in the middle of each vertebral body, named C1 to L6. Drag it in either radiograph; the other one shows its line.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Opacity</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Opacity:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Open the documentation with a tutorial of three minutes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Or from a CT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Other Python</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Other weights</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Other weights:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Outline distance (mm)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>PLY</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Phantom CT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Pixel size of the simulation in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Pixel size:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Progress of the present task</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Python:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Ray gap (mm)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Read radiographs from DICOM, picture or volume files and check how they are understood</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Reconstruct</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Reconstruct again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Reconstruct all vertebrae of the table</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_reconstruct.py"/>
        <source>Reconstructing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>Reconstructs labelled 3D vertebrae from an AP and a lateral radiograph.&lt;p&gt;In three minutes: 1. Press &lt;b&gt;Phantom CT&lt;/b&gt;, then &lt;b&gt;Simulate radiographs&lt;/b&gt;. 2. Press &lt;b&gt;Find vertebrae&lt;/b&gt;, correct the points in either radiograph and name one with &lt;b&gt;Anchor&lt;/b&gt; if all are a level off. 3. Press &lt;b&gt;Reconstruct&lt;/b&gt;; each vertebra appears when it is finished. 4. Turn the spine with the sliders. 5. Choose a folder and press &lt;b&gt;Export&lt;/b&gt;.&lt;p&gt;Research use only, not for clinical decisions. See the &lt;a href="{url}"&gt;documentation&lt;/a&gt;.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Redo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Remark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Rename</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Replace files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Replace files of an earlier export in this folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Research use only. Not for clinical decisions.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Result:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Roll in degrees</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Roll:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Rotation in degrees</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Rotation:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>SEG.NRRD</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>STL</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Sample CT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Say that the selected vertebra is this level; all others follow</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Selected vertebra:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Show all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Show every vertebra</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Show views</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Silhouettes on the radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Simulate radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Size of a pixel at the patient. The reconstruction works at 1 mm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Slicer's segmentation file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Status</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Stop the present task; earlier results stay as they are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Surface meshes of each vertebra and of the spine.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Surface meshes with names.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Surface meshes, binary.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Take the last change of the centroids back (Ctrl+Z)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The folder for the files. Files that are there already are kept, unless 'Replace files' is checked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The level for 'Rename' and 'Anchor'.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The radiograph from the front or the back, as one slice. Bone is bright.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The radiograph from the side, as one slice. Bone is bright.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The results have not been validated for patient care.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The same view as angles of a C-arm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The segmentation with one segment for each vertebra.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The trained network. 'recommended' is the best one, 'fast' a smaller one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Top</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Turn the 3D view slowly all around; press again to stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Turns the picture clockwise.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Turntable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Uncheck all vertebrae</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Uncheck all, to choose single ones</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Vertebra</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Vertebrae of the result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Vertebrae that were found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from 60 degrees to the left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from the front</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from the head</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from the left side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What can be done next.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What computes, and what the last run used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What is going on, and how the last task ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What was found; the arrows say what to do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What was noticed in the radiographs while the vertebrae were searched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Write the result to the chosen folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>auto: a graphics card where there is one. cpu: always the processor. cuda: the graphics card, or an error.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>parallel: no magnification. cone: rays from a point source at 1.5 m, detector at 1.8 m.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>{task}: done in {seconds:.0f} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>°</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.import_dialog</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>Choose the two files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>Nothing to object.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>Put both radiographs into the scene, in their true planes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>no picture</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.look</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/look.py"/>
        <source>Check it to show this vertebra</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/look.py"/>
        <source>Look at this vertebra again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/look.py"/>
        <source>Press 'Measure' in section 5 to see it</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.radiographs</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/radiographs.py"/>
        <source>The phantom could not be made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/radiographs.py"/>
        <source>The sample could not be loaded.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.results</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/results.py"/>
        <source>{count} files written to {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/results.py"/>
        <source>{count} vertebrae measured.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.setup</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/setup.py"/>
        <source>Everything that is needed is installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/setup.py"/>
        <source>The report is on the clipboard.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/setup.py"/>
        <source>Weights '{name}' are chosen.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.vertebrae</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Check it to reconstruct this vertebra</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Click a vertebral body in one radiograph, then the same one in the other.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Delete the selected centroid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Forget the first click, or the selection</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>From the head down. Keys while this module is open:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>How far the rays of both radiographs pass each other</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>How sure the name and place are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Lock or unlock the selected centroid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Locked vertebrae keep place and name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Look at this vertebra in both radiographs; moving or locking it confirms it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Redo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Say which level the selected centroid is; the others follow</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Select the next level towards the feet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Select the next level towards the head</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Take the selected level into the reconstruction or leave it out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>by hand</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>{count} vertebrae found.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>scene.controller</name>
    <message>
        <location filename="../../ReVerteRLib/scene/controller.py"/>
        <source>about {minutes} min left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/controller.py"/>
        <source>about {seconds} s left</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>scene.panel_state</name>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>A graphics card will be used where there is one, else the CPU.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Check at least one vertebra in the table of section 2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Check device, versions, weights and free space</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose a CT volume first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose a folder first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose an AP and a lateral radiograph first (section 1)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose at least one format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Click a vertebra in one radiograph and then in the other; press again to stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Compute an AP and a lateral radiograph of the CT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Compute only what has changed: {levels}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Compute the checked vertebrae: {levels}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Delete the selected vertebra; it will not be found again here (Del)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Do it again (Ctrl+Y)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Download Slicer's own chest CT and choose it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Find and name the vertebrae in both radiographs. Locked ones and those placed by hand stay</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Find the vertebrae first, or choose a list of centroids</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Give the selected vertebra the level that is chosen beside, and only this one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Install PyTorch and what else is missing; you are asked first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Make a CT of a spine of mean shapes and choose it; works without a network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Measure the result as it is now, with your corrections</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: check the vertebrae that you want in 3D.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: compare the silhouettes with the radiographs, measure, and export.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: find the vertebrae.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: import an AP and a lateral radiograph, or choose a CT and simulate them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: look at {levels} in both radiographs, then reconstruct.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: look whether each name is right, then reconstruct.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: reconstruct again what you have changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: simulate radiographs of the CT.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>No checked vertebra has been moved or added since the result was made</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Nothing is running</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Read radiographs from DICOM, picture or volume files and check how they are understood</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Reconstruct all vertebrae of the table</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Reconstruct first, or choose a result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Say that the selected vertebra is the level that is chosen beside; all others follow (Shift+A)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Select a vertebra in the table first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Stop the present task; earlier results stay as they are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Take the last change of the centroids back (Ctrl+Z)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The CPU will be used, which takes some seconds for each vertebra.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The files of this result are not there any more: reconstruct all once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The last run used the CPU, because there is no usable graphics card or its memory did not suffice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The last run used {device}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>There is nothing to redo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>There is nothing to undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>This vertebra is locked; unlock it first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Turn the 3D view slowly all around; press again to stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Uncheck all, to choose single ones</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Wait until the present task is finished, or cancel it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Write the result as it is now, with your corrections, to the chosen folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>casting rays</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>comparing the outlines with the radiographs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>loading the network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>looking what is there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>reading the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>the CPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>the graphics card</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>the network computes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>writing the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>{count} vertebrae in {seconds:.0f} s on {device}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
