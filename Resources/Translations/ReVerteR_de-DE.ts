<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en_US">
<context>
    <name>ImportRadiographs</name>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source> mm</source>
        <translation> mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>0 leaves it to the file.</source>
        <translation>0: Angabe aus der Datei.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP</source>
        <translation>a.p.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP file</source>
        <translation>Datei der a.p.-Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP picture</source>
        <translation>Bild der a.p.-Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: beam</source>
        <translation>a.p.: Strahlengang</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: decisions</source>
        <translation>a.p.: Entscheidungen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: grey values</source>
        <translation>a.p.: Grauwerte</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: magnification</source>
        <translation>a.p.: Vergrößerung</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: mirror</source>
        <translation>a.p.: spiegeln</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: pixel size in mm</source>
        <translation>a.p.: Pixelgröße in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: source to detector in mm</source>
        <translation>a.p.: Abstand Fokus–Detektor in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: source to patient in mm</source>
        <translation>a.p.: Abstand Fokus–Patient in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: turn by 90 degrees</source>
        <translation>a.p.: um 90 Grad drehen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>AP: upside down</source>
        <translation>a.p.: kopfüber</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Beam:</source>
        <translation>Strahlengang:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Close without importing</source>
        <translation>Schließen, ohne zu importieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Detector over patient; used when the file tells the pixel size at the detector. 0 leaves it to the file.</source>
        <translation>Detektor zu Patient; wird gebraucht, wenn die Datei die Pixelgröße am Detektor nennt. 0: Angabe aus der Datei.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Estimate</source>
        <translation>Schätzen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Estimate it from both images, where that is reliable.</source>
        <translation>Aus beiden Aufnahmen schätzen, wo das zuverlässig geht.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Grey values:</source>
        <translation>Grauwerte:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Import</source>
        <translation>Importieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Import radiographs</source>
        <translation>Röntgenaufnahmen importieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral</source>
        <translation>Seitlich</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral file</source>
        <translation>Datei der seitlichen Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral picture</source>
        <translation>Bild der seitlichen Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: beam</source>
        <translation>Seitlich: Strahlengang</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: decisions</source>
        <translation>Seitlich: Entscheidungen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: grey values</source>
        <translation>Seitlich: Grauwerte</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: magnification</source>
        <translation>Seitlich: Vergrößerung</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: mirror</source>
        <translation>Seitlich: spiegeln</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: pixel size in mm</source>
        <translation>Seitlich: Pixelgröße in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: source to detector in mm</source>
        <translation>Seitlich: Abstand Fokus–Detektor in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: source to patient in mm</source>
        <translation>Seitlich: Abstand Fokus–Patient in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: turn by 90 degrees</source>
        <translation>Seitlich: um 90 Grad drehen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Lateral: upside down</source>
        <translation>Seitlich: kopfüber</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Magnification:</source>
        <translation>Vergrößerung:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Mirror</source>
        <translation>Spiegeln</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Mirror the picture left to right</source>
        <translation>Das Bild seitenverkehrt spiegeln</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Pixel size in the patient; 0 leaves it to the file.</source>
        <translation>Pixelgröße im Patienten; 0: Angabe aus der Datei.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Pixel size:</source>
        <translation>Pixelgröße:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Put both radiographs into the scene, in their true planes</source>
        <translation>Beide Aufnahmen in ihren wahren Ebenen in die Szene stellen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Raise lateral by:</source>
        <translation>Seitliche anheben um:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Raise lateral image by, in mm</source>
        <translation>Seitliche Aufnahme anheben um, in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Source to detector:</source>
        <translation>Fokus–Detektor:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Source to patient:</source>
        <translation>Fokus–Patient:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Taken as</source>
        <translation>Verstanden als</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>The file of the AP radiograph: DICOM, PNG, TIFF, JPEG, NRRD, MetaImage or NIfTI.</source>
        <translation>Die Datei der a.p.-Aufnahme: DICOM, PNG, TIFF, JPEG, NRRD, MetaImage oder NIfTI.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>The file of the lateral radiograph: DICOM, PNG, TIFF, JPEG, NRRD, MetaImage or NIfTI.</source>
        <translation>Die Datei der seitlichen Aufnahme: DICOM, PNG, TIFF, JPEG, NRRD, MetaImage oder NIfTI.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>The radiograph as it is understood. Compare the letters with the markers in the picture: R and L are the patient's right and left, A and P front and back, H and F head and feet.</source>
        <translation>Die Aufnahme, wie sie verstanden wird. Vergleichen Sie die Buchstaben mit den Seitenmarken im Bild: R und L sind rechts und links des Patienten, A und P vorn und hinten, H und F Kopf und Füße.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Turn 90°</source>
        <translation>Um 90° drehen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Turn the picture clockwise; the letters stay, the anatomy moves under them</source>
        <translation>Dreht das Bild im Uhrzeigersinn; die Buchstaben bleiben, die Anatomie wandert darunter</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Turn the picture upside down by mirroring</source>
        <translation>Das Bild durch Spiegeln auf den Kopf stellen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Two exposures need not be at one height: raises the lateral image towards the head.</source>
        <translation>Zwei Aufnahmen müssen nicht auf gleicher Höhe entstanden sein: hebt die seitliche kopfwärts an.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Upside down</source>
        <translation>Kopfüber</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Way of the beam; it does not turn the picture.</source>
        <translation>Richtung des Strahls; sie dreht das Bild nicht.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What</source>
        <translation>Was</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What the numbers mean: larger is more material, less material, or more light.</source>
        <translation>Bedeutung der Zahlen: größer heißt mehr Gewebe, weniger Gewebe oder mehr Licht.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What to check</source>
        <translation>Zu prüfen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What to check before the radiographs are used.</source>
        <translation>Was zu prüfen ist, bevor die Aufnahmen gebraucht werden.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>What was decided and why. Stated: by the file. Assumed: please check.</source>
        <translation>Was entschieden wurde und warum. Angegeben: von der Datei. Angenommen: bitte prüfen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Which file is which</source>
        <translation>Welche Datei welche Aufnahme ist</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Which is which:</source>
        <translation>Zuordnung:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>Why</source>
        <translation>Warum</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>as-given</source>
        <translation>wie angegeben</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>as-stored</source>
        <translation>wie gespeichert</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>auto</source>
        <translation>automatisch</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>auto exchanges the files when their headers say so.</source>
        <translation>automatisch: vertauscht die Dateien, wenn ihre Kopfdaten es sagen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>by the file</source>
        <translation>aus der Datei</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>intensity</source>
        <translation>Lichtstärke</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>inverted</source>
        <translation>umgekehrt</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ImportRadiographs.ui"/>
        <source>swapped</source>
        <translation>vertauscht</translation>
    </message>
</context>
<context>
    <name>ReVerteR</name>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source> %</source>
        <translation> %</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source> mm</source>
        <translation> mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>1. Radiographs</source>
        <translation>1. Röntgenaufnahmen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>2. Vertebrae</source>
        <translation>2. Wirbel</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>3. Reconstruct</source>
        <translation>3. Rekonstruieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>4. Look</source>
        <translation>4. Betrachten</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>5. Results</source>
        <translation>5. Ergebnisse</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>6. Set-up</source>
        <translation>6. Einrichtung</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>60°</source>
        <translation>60°</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>90 looks from the head down.</source>
        <translation>Bei 90 blickt man vom Kopf nach unten.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>A weights file (.safetensors) of your own; it is checked and offered in section 3. Nothing is downloaded.</source>
        <translation>Eine eigene Datei mit Gewichten (.safetensors); sie wird geprüft und in Abschnitt 3 angeboten. Nichts wird heruntergeladen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>AP radiograph</source>
        <translation>a.p.-Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>AP, lateral and 3D view side by side; your layout comes back when you leave the module</source>
        <translation>a.p.-, seitliche und 3D-Ansicht nebeneinander; Ihre Anordnung kommt zurück, wenn Sie das Modul verlassen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>AP:</source>
        <translation>a.p.:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>About the body's long axis; 0 is the front, 90 the patient's left.</source>
        <translation>Um die Längsachse des Körpers; 0 ist vorn, 90 die linke Seite des Patienten.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>After Y. Chen et al., Automatic 3D Reconstruction of Vertebrae from Orthogonal Bi-Planar Radiographs.</source>
        <translation>Nach Y. Chen et al., Automatic 3D Reconstruction of Vertebrae from Orthogonal Bi-Planar Radiographs.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Anchor</source>
        <translation>Verankern</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Angles of a C-arm</source>
        <translation>Winkel eines C-Bogens</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Another Python that has PyTorch, for example one that knows your graphics card; empty for Slicer's own.</source>
        <translation>Ein anderes Python, das PyTorch hat, zum Beispiel eines, das Ihre Grafikkarte kennt; leer für das von Slicer.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Beam of the simulation</source>
        <translation>Strahlengang der Simulation</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Beam:</source>
        <translation>Strahlengang:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>C-arm:</source>
        <translation>C-Bogen:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>CT in Hounsfield units, in any orientation. Both radiographs are computed from the whole of it.</source>
        <translation>CT in Hounsfield-Einheiten, beliebig ausgerichtet. Beide Aufnahmen werden aus dem ganzen CT berechnet.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>CT volume</source>
        <translation>CT-Volumen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>CT:</source>
        <translation>CT:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>Cancelled; earlier results are unchanged.</source>
        <translation>Abgebrochen; frühere Ergebnisse sind unverändert.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>Cancelling...</source>
        <translation>Wird abgebrochen …</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Centroids:</source>
        <translation>Mittelpunkte:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check</source>
        <translation>Prüfen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check all</source>
        <translation>Alle ankreuzen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check all vertebrae</source>
        <translation>Alle Wirbel ankreuzen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check device, versions, weights and free space</source>
        <translation>Rechenwerk, Versionen, Gewichte und freien Speicherplatz prüfen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check none</source>
        <translation>Keinen ankreuzen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Check to show a vertebra. The last column tells how far the outline lies from the edges in the radiographs, measured with section 5.</source>
        <translation>Angekreuzte Wirbel werden gezeigt. Die letzte Spalte sagt, wie weit der Umriss von den Kanten in den Aufnahmen entfernt ist; gemessen wird in Abschnitt 5.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/preflight.py"/>
        <source>Checking the set-up</source>
        <translation>Prüfung der Einrichtung</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Click a vertebra in one radiograph and then in the other; press again to stop</source>
        <translation>Einen Wirbel in einer Aufnahme und dann in der anderen anklicken; nochmals drücken beendet es</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Compute an AP and a lateral radiograph of the CT</source>
        <translation>Eine a.p.- und eine seitliche Aufnahme aus dem CT berechnen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Compute only what has changed</source>
        <translation>Nur berechnen, was geändert wurde</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Compute the checked vertebrae</source>
        <translation>Die angekreuzten Wirbel berechnen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_radiographs.py"/>
        <source>Computing the radiographs</source>
        <translation>Berechnung der Aufnahmen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Confidence</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Copy report</source>
        <translation>Bericht kopieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Copy the report, to paste it into a question</source>
        <translation>Den Bericht kopieren, um ihn in eine Anfrage einzufügen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>DICOM SEG</source>
        <translation>DICOM SEG</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>DICOM segmentation with SNOMED CT codes, made-up patient.</source>
        <translation>DICOM-Segmentierung mit SNOMED-CT-Codes und erfundenem Patienten.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Delete the selected vertebra</source>
        <translation>Den gewählten Wirbel löschen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Device</source>
        <translation>Rechenwerk</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Device:</source>
        <translation>Rechenwerk:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Direction of the meshes' axes: LPS (as DICOM) or RAS (as Slicer shows). It is written into the files.</source>
        <translation>Richtung der Netzachsen: LPS (wie DICOM) oder RAS (wie Slicer es anzeigt). Sie wird in die Dateien geschrieben.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Do it again (Ctrl+Y)</source>
        <translation>Wiederholen (Strg+Y)</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Download Slicer's own chest CT and choose it</source>
        <translation>Das Thorax-CT von Slicer herunterladen und wählen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Draw the outline of the result over both radiographs.</source>
        <translation>Den Umriss des Ergebnisses über beide Aufnahmen zeichnen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Elevation in degrees</source>
        <translation>Neigung in Grad</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Elevation:</source>
        <translation>Neigung:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Find and name the vertebrae in both radiographs</source>
        <translation>Die Wirbel in beiden Aufnahmen finden und benennen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Find vertebrae</source>
        <translation>Wirbel finden</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_annotate.py"/>
        <source>Finding the vertebrae</source>
        <translation>Suche nach den Wirbeln</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Folder to export to</source>
        <translation>Zielordner</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Folder:</source>
        <translation>Ordner:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Frame of the meshes</source>
        <translation>Achsen der Netze</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Front</source>
        <translation>Vorn</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Give the selected vertebra this level, and only this one</source>
        <translation>Nur dem gewählten Wirbel diesen Namen geben</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Help</source>
        <translation>Hilfe</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>How much of the present task is done.</source>
        <translation>Wie viel der laufenden Aufgabe erledigt ist.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Import files...</source>
        <translation>Dateien importieren …</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Install PyTorch and what else is missing; you are asked first</source>
        <translation>PyTorch und was sonst fehlt installieren; Sie werden vorher gefragt</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Install what is missing</source>
        <translation>Fehlendes installieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>LAO 0 / CRAN 0</source>
        <translation>LAO 0 / CRAN 0</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Label map with VerSe labels.</source>
        <translation>Volumen mit den VerSe-Nummern der Wirbel.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Lateral radiograph</source>
        <translation>Seitliche Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Lateral:</source>
        <translation>Seitlich:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Level</source>
        <translation>Wirbel</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Level of the selected vertebra</source>
        <translation>Name des gewählten Wirbels</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Levels</source>
        <translation>Bereich</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>List of centroids</source>
        <translation>Liste der Mittelpunkte</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Lock</source>
        <translation>Fest</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from 60° to the patient's left</source>
        <translation>Blick aus 60° zur linken Seite des Patienten</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from the front, as the AP radiograph does</source>
        <translation>Blick von vorn, wie in der a.p.-Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from the head down</source>
        <translation>Blick vom Kopf nach unten</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Look from the patient's left, as the lateral radiograph does</source>
        <translation>Blick von der linken Seite des Patienten, wie in der seitlichen Aufnahme</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Make a CT of a spine of mean shapes and choose it; works without a network</source>
        <translation>Ein CT einer Wirbelsäule aus mittleren Wirbelformen herstellen und wählen; braucht kein Netz</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Measure</source>
        <translation>Messen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Measure the result as it is now</source>
        <translation>Das Ergebnis in seinem jetzigen Zustand vermessen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Measurements of the spine</source>
        <translation>Messwerte der Wirbelsäule</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_measure.py"/>
        <source>Measuring</source>
        <translation>Messung</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Mesh frame:</source>
        <translation>Netzachsen:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>NIfTI</source>
        <translation>NIfTI</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Network:</source>
        <translation>Netzwerk:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Next step</source>
        <translation>Nächster Schritt</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Numbers of the whole spine. All of them, also those of each vertebra, are in two table nodes (module Tables).</source>
        <translation>Zahlen zur ganzen Wirbelsäule. Alle, auch die jedes Wirbels, stehen in zwei Tabellen (Modul Tables).</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>OBJ</source>
        <translation>OBJ</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Of the selected vertebra, or of all when none is selected; 0 % cannot be seen.</source>
        <translation>Des gewählten Wirbels oder aller, wenn keiner gewählt ist; 0 % ist unsichtbar.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>One line for each vertebra, from the head down. Click a line to see it in all views.</source>
        <translation>Eine Zeile je Wirbel, vom Kopf abwärts. Ein Klick auf die Zeile zeigt ihn in allen Ansichten.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>One point in the middle of each vertebral body, named C1 to L6. Drag it in either radiograph; the other one shows its line.</source>
        <translation>Ein Punkt in der Mitte jedes Wirbelkörpers, benannt von C1 bis L6. Ziehen Sie ihn in einer der Aufnahmen; die andere zeigt seinen Strahl.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Opacity</source>
        <translation>Deckkraft</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Opacity:</source>
        <translation>Deckkraft:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Open the documentation with a tutorial of three minutes</source>
        <translation>Die Anleitung mit einer Einführung von drei Minuten öffnen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Or from a CT</source>
        <translation>Oder aus einem CT</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Other Python</source>
        <translation>Anderes Python</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Other weights</source>
        <translation>Andere Gewichte</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Other weights:</source>
        <translation>Andere Gewichte:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Outline distance (mm)</source>
        <translation>Abstand des Umrisses (mm)</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>PLY</source>
        <translation>PLY</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Phantom CT</source>
        <translation>Phantom-CT</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Pixel size of the simulation in mm</source>
        <translation>Pixelgröße der Simulation in mm</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Pixel size:</source>
        <translation>Pixelgröße:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Progress of the present task</source>
        <translation>Fortschritt der laufenden Aufgabe</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Python:</source>
        <translation>Python:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Ray gap (mm)</source>
        <translation>Strahlabstand (mm)</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Read radiographs from DICOM, picture or volume files and check how they are understood</source>
        <translation>Aufnahmen aus DICOM-, Bild- oder Volumendateien lesen und prüfen, wie sie verstanden werden</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Reconstruct</source>
        <translation>Rekonstruieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Reconstruct again</source>
        <translation>Neu rekonstruieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Reconstruct all vertebrae of the table</source>
        <translation>Alle Wirbel der Tabelle rekonstruieren</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/task_reconstruct.py"/>
        <source>Reconstructing</source>
        <translation>Rekonstruktion</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>Reconstructs labelled 3D vertebrae from an AP and a lateral radiograph.&lt;p&gt;In three minutes: 1. Press &lt;b&gt;Phantom CT&lt;/b&gt;, then &lt;b&gt;Simulate radiographs&lt;/b&gt;. 2. Press &lt;b&gt;Find vertebrae&lt;/b&gt;, correct the points in either radiograph and name one with &lt;b&gt;Anchor&lt;/b&gt; if all are a level off. 3. Press &lt;b&gt;Reconstruct&lt;/b&gt;; each vertebra appears when it is finished. 4. Turn the spine with the sliders. 5. Choose a folder and press &lt;b&gt;Export&lt;/b&gt;.&lt;p&gt;Research use only, not for clinical decisions. See the &lt;a href="{url}"&gt;documentation&lt;/a&gt;.</source>
        <translation>Rekonstruiert benannte 3D-Wirbel aus einer a.p.- und einer seitlichen Röntgenaufnahme.&lt;p&gt;In drei Minuten: 1. Drücken Sie &lt;b&gt;Phantom-CT&lt;/b&gt;, dann &lt;b&gt;Aufnahmen simulieren&lt;/b&gt;. 2. Drücken Sie &lt;b&gt;Wirbel finden&lt;/b&gt;, berichtigen Sie die Punkte in einer der Aufnahmen, und benennen Sie einen mit &lt;b&gt;Verankern&lt;/b&gt;, wenn alle um einen Wirbel verschoben sind. 3. Drücken Sie &lt;b&gt;Rekonstruieren&lt;/b&gt;; jeder Wirbel erscheint, sobald er fertig ist. 4. Drehen Sie die Wirbelsäule mit den Reglern. 5. Wählen Sie einen Ordner und drücken Sie &lt;b&gt;Exportieren&lt;/b&gt;.&lt;p&gt;Nur für die Forschung, nicht für klinische Entscheidungen. Siehe die &lt;a href="{url}"&gt;Anleitung&lt;/a&gt;.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Redo</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Remark</source>
        <translation>Bemerkung</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Replace files</source>
        <translation>Dateien ersetzen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Replace files of an earlier export in this folder.</source>
        <translation>Dateien eines früheren Exports in diesem Ordner ersetzen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Report</source>
        <translation>Bericht</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Research use only. Not for clinical decisions.</source>
        <translation>Nur für die Forschung. Nicht für klinische Entscheidungen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Result:</source>
        <translation>Ergebnis:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Roll in degrees</source>
        <translation>Bilddrehung in Grad</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Roll:</source>
        <translation>Bilddrehung:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Rotation in degrees</source>
        <translation>Rotation in Grad</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Rotation:</source>
        <translation>Rotation:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>SEG.NRRD</source>
        <translation>SEG.NRRD</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>STL</source>
        <translation>STL</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Sample CT</source>
        <translation>Beispiel-CT</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Say that the selected vertebra is this level; all others follow</source>
        <translation>Festlegen, welcher Wirbel der gewählte ist; alle anderen richten sich danach</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Selected vertebra:</source>
        <translation>Gewählter Wirbel:</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Show all</source>
        <translation>Alle zeigen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Show every vertebra</source>
        <translation>Jeden Wirbel zeigen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Show views</source>
        <translation>Ansichten zeigen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Side</source>
        <translation>Seitlich</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Silhouettes on the radiographs</source>
        <translation>Umrisse auf den Aufnahmen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Simulate radiographs</source>
        <translation>Aufnahmen simulieren</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Size of a pixel at the patient. The reconstruction works at 1 mm.</source>
        <translation>Größe eines Pixels am Patienten. Die Rekonstruktion arbeitet mit 1 mm.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Slicer's segmentation file.</source>
        <translation>Die Segmentierungsdatei von Slicer.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Status</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Stop the present task; earlier results stay as they are</source>
        <translation>Die laufende Aufgabe anhalten; frühere Ergebnisse bleiben, wie sie sind</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Surface meshes of each vertebra and of the spine.</source>
        <translation>Oberflächennetze jedes Wirbels und der Wirbelsäule.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Surface meshes with names.</source>
        <translation>Oberflächennetze mit Namen.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Surface meshes, binary.</source>
        <translation>Oberflächennetze, binär.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Take the last change of the centroids back (Ctrl+Z)</source>
        <translation>Die letzte Änderung der Mittelpunkte zurücknehmen (Strg+Z)</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The folder for the files. Files that are there already are kept, unless 'Replace files' is checked.</source>
        <translation>Der Ordner für die Dateien. Vorhandene Dateien bleiben, wenn nicht „Dateien ersetzen“ angekreuzt ist.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The level for 'Rename' and 'Anchor'.</source>
        <translation>Der Name für „Umbenennen“ und „Verankern“.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The radiograph from the front or the back, as one slice. Bone is bright.</source>
        <translation>Die Aufnahme von vorn oder hinten als einzelne Schicht. Knochen ist hell.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The radiograph from the side, as one slice. Bone is bright.</source>
        <translation>Die Aufnahme von der Seite als einzelne Schicht. Knochen ist hell.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The results have not been validated for patient care.</source>
        <translation>Die Ergebnisse sind nicht für die Patientenversorgung geprüft.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The same view as angles of a C-arm.</source>
        <translation>Dieselbe Ansicht in Winkeln eines C-Bogens.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The segmentation with one segment for each vertebra.</source>
        <translation>Die Segmentierung mit einem Segment je Wirbel.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>The trained network. 'recommended' is the best one, 'fast' a smaller one.</source>
        <translation>Das trainierte Netzwerk. „recommended“ ist das beste, „fast“ ein kleineres.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Top</source>
        <translation>Oben</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Turn the 3D view slowly all around; press again to stop</source>
        <translation>Die 3D-Ansicht langsam ringsum drehen; nochmals drücken hält an</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Turns the picture clockwise.</source>
        <translation>Dreht das Bild im Uhrzeigersinn.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Turntable</source>
        <translation>Rundum</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Uncheck all vertebrae</source>
        <translation>Keinen Wirbel ankreuzen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Uncheck all, to choose single ones</source>
        <translation>Keinen ankreuzen, um einzelne zu wählen</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Value</source>
        <translation>Wert</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Vertebra</source>
        <translation>Wirbel</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Vertebrae of the result</source>
        <translation>Wirbel des Ergebnisses</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Vertebrae that were found</source>
        <translation>Gefundene Wirbel</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from 60 degrees to the left</source>
        <translation>Blick aus 60 Grad nach links</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from the front</source>
        <translation>Blick von vorn</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from the head</source>
        <translation>Blick vom Kopf</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>View from the left side</source>
        <translation>Blick von der linken Seite</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What can be done next.</source>
        <translation>Was als Nächstes getan werden kann.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What computes, and what the last run used.</source>
        <translation>Womit gerechnet wird und was der letzte Lauf benutzt hat.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What is going on, and how the last task ended.</source>
        <translation>Was geschieht und wie die letzte Aufgabe ausging.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What was found; the arrows say what to do.</source>
        <translation>Was gefunden wurde; die Pfeile sagen, was zu tun ist.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>What was noticed in the radiographs while the vertebrae were searched.</source>
        <translation>Was in den Aufnahmen bei der Suche nach den Wirbeln aufgefallen ist.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>Write the result to the chosen folder</source>
        <translation>Das Ergebnis in den gewählten Ordner schreiben</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>auto: a graphics card where there is one. cpu: always the processor. cuda: the graphics card, or an error.</source>
        <translation>auto: eine Grafikkarte, wo es eine gibt. cpu: immer der Prozessor. cuda: die Grafikkarte oder eine Fehlermeldung.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>parallel: no magnification. cone: rays from a point source at 1.5 m, detector at 1.8 m.</source>
        <translation>parallel: keine Vergrößerung. cone: Strahlen aus einem Punkt in 1,5 m Abstand, Detektor in 1,8 m.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteR.py"/>
        <source>{task}: done in {seconds:.0f} s.</source>
        <translation>{task}: fertig in {seconds:.0f} s.</translation>
    </message>
    <message>
        <location filename="../../Resources/UI/ReVerteR.ui"/>
        <source>°</source>
        <translation>°</translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.import_dialog</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>Choose the two files.</source>
        <translation>Wählen Sie die beiden Dateien.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>Nothing to object.</source>
        <translation>Nichts zu beanstanden.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>Put both radiographs into the scene, in their true planes</source>
        <translation>Beide Aufnahmen in ihren wahren Ebenen in die Szene stellen</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/import_dialog.py"/>
        <source>no picture</source>
        <translation>kein Bild</translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.look</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/look.py"/>
        <source>Check it to show this vertebra</source>
        <translation>Ankreuzen, um diesen Wirbel zu zeigen</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/look.py"/>
        <source>Look at this vertebra again</source>
        <translation>Sehen Sie sich diesen Wirbel nochmals an</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/look.py"/>
        <source>Press 'Measure' in section 5 to see it</source>
        <translation>„Messen“ in Abschnitt 5 zeigt den Wert</translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.radiographs</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/radiographs.py"/>
        <source>The phantom could not be made.</source>
        <translation>Das Phantom konnte nicht hergestellt werden.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/radiographs.py"/>
        <source>The sample could not be loaded.</source>
        <translation>Das Beispiel konnte nicht geladen werden.</translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.results</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/results.py"/>
        <source>{count} files written to {folder}.</source>
        <translation>{count} Dateien nach {folder} geschrieben.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/results.py"/>
        <source>{count} vertebrae measured.</source>
        <translation>{count} Wirbel vermessen.</translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.setup</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/setup.py"/>
        <source>Everything that is needed is installed.</source>
        <translation>Alles Nötige ist installiert.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/setup.py"/>
        <source>The report is on the clipboard.</source>
        <translation>Der Bericht ist in der Zwischenablage.</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/setup.py"/>
        <source>Weights '{name}' are chosen.</source>
        <translation>Die Gewichte „{name}“ sind gewählt.</translation>
    </message>
</context>
<context>
    <name>ReVerteRPanel.vertebrae</name>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Check it to reconstruct this vertebra</source>
        <translation>Ankreuzen, um diesen Wirbel zu rekonstruieren</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Click a vertebral body in one radiograph, then the same one in the other.</source>
        <translation>Klicken Sie einen Wirbelkörper in einer Aufnahme an, dann denselben in der anderen.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Delete the selected centroid</source>
        <translation>Den gewählten Mittelpunkt löschen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Forget the first click, or the selection</source>
        <translation>Den ersten Klick oder die Auswahl aufheben</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>From the head down. Keys while this module is open:</source>
        <translation>Vom Kopf abwärts. Tasten, solange dieses Modul offen ist:</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>How far the rays of both radiographs pass each other</source>
        <translation>Wie weit die Strahlen beider Aufnahmen aneinander vorbeigehen</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>How sure the name and place are</source>
        <translation>Wie sicher Name und Ort sind</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Lock or unlock the selected centroid</source>
        <translation>Den gewählten Mittelpunkt festhalten oder freigeben</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Locked vertebrae keep place and name</source>
        <translation>Festgehaltene Wirbel behalten Ort und Name</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>Look at this vertebra in both radiographs; moving or locking it confirms it</source>
        <translation>Sehen Sie sich diesen Wirbel in beiden Aufnahmen an; Verschieben oder Festhalten bestätigt ihn</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Redo</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Say which level the selected centroid is; the others follow</source>
        <translation>Festlegen, welcher Wirbel der gewählte Mittelpunkt ist; die anderen richten sich danach</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Select the next level towards the feet</source>
        <translation>Den nächsten Wirbel fußwärts wählen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Select the next level towards the head</source>
        <translation>Den nächsten Wirbel kopfwärts wählen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Take the selected level into the reconstruction or leave it out</source>
        <translation>Den gewählten Wirbel in die Rekonstruktion aufnehmen oder weglassen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/keys.py"/>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>by hand</source>
        <translation>von Hand</translation>
    </message>
    <message>
        <location filename="../../ReVerteR/ReVerteRPanel/vertebrae.py"/>
        <source>{count} vertebrae found.</source>
        <translation>{count} Wirbel gefunden.</translation>
    </message>
</context>
<context>
    <name>scene.controller</name>
    <message>
        <location filename="../../ReVerteRLib/scene/controller.py"/>
        <source>about {minutes} min left</source>
        <translation>noch etwa {minutes} min</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/controller.py"/>
        <source>about {seconds} s left</source>
        <translation>noch etwa {seconds} s</translation>
    </message>
</context>
<context>
    <name>scene.panel_state</name>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>A graphics card will be used where there is one, else the CPU.</source>
        <translation>Es wird eine Grafikkarte benutzt, wo es eine gibt, sonst der Prozessor.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Check at least one vertebra in the table of section 2</source>
        <translation>Kreuzen Sie mindestens einen Wirbel in der Tabelle von Abschnitt 2 an</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Check device, versions, weights and free space</source>
        <translation>Rechenwerk, Versionen, Gewichte und freien Speicherplatz prüfen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose a CT volume first</source>
        <translation>Wählen Sie zuerst ein CT</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose a folder first</source>
        <translation>Wählen Sie zuerst einen Ordner</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose an AP and a lateral radiograph first (section 1)</source>
        <translation>Wählen Sie zuerst eine a.p.- und eine seitliche Aufnahme (Abschnitt 1)</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Choose at least one format</source>
        <translation>Wählen Sie mindestens ein Format</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Click a vertebra in one radiograph and then in the other; press again to stop</source>
        <translation>Einen Wirbel in einer Aufnahme und dann in der anderen anklicken; nochmals drücken beendet es</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Compute an AP and a lateral radiograph of the CT</source>
        <translation>Eine a.p.- und eine seitliche Aufnahme aus dem CT berechnen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Compute only what has changed: {levels}</source>
        <translation>Nur berechnen, was geändert wurde: {levels}</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Compute the checked vertebrae: {levels}</source>
        <translation>Die angekreuzten Wirbel berechnen: {levels}</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Delete the selected vertebra; it will not be found again here (Del)</source>
        <translation>Den gewählten Wirbel löschen; er wird hier nicht wieder gefunden (Entf)</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Do it again (Ctrl+Y)</source>
        <translation>Wiederholen (Strg+Y)</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Download Slicer's own chest CT and choose it</source>
        <translation>Das Thorax-CT von Slicer herunterladen und wählen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Find and name the vertebrae in both radiographs. Locked ones and those placed by hand stay</source>
        <translation>Die Wirbel in beiden Aufnahmen finden und benennen. Festgehaltene und von Hand gesetzte bleiben</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Find the vertebrae first, or choose a list of centroids</source>
        <translation>Finden Sie zuerst die Wirbel, oder wählen Sie eine Liste von Mittelpunkten</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Give the selected vertebra the level that is chosen beside, and only this one</source>
        <translation>Nur dem gewählten Wirbel den Namen geben, der daneben gewählt ist</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Install PyTorch and what else is missing; you are asked first</source>
        <translation>PyTorch und was sonst fehlt installieren; Sie werden vorher gefragt</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Make a CT of a spine of mean shapes and choose it; works without a network</source>
        <translation>Ein CT einer Wirbelsäule aus mittleren Wirbelformen herstellen und wählen; braucht kein Netz</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Measure the result as it is now, with your corrections</source>
        <translation>Das Ergebnis in seinem jetzigen Zustand vermessen, mit Ihren Korrekturen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: check the vertebrae that you want in 3D.</source>
        <translation>Weiter: die Wirbel ankreuzen, die Sie in 3D wollen.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: compare the silhouettes with the radiographs, measure, and export.</source>
        <translation>Weiter: die Umrisse mit den Aufnahmen vergleichen, messen und exportieren.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: find the vertebrae.</source>
        <translation>Weiter: die Wirbel finden.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: import an AP and a lateral radiograph, or choose a CT and simulate them.</source>
        <translation>Weiter: eine a.p.- und eine seitliche Aufnahme importieren, oder ein CT wählen und sie simulieren.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: look at {levels} in both radiographs, then reconstruct.</source>
        <translation>Weiter: {levels} in beiden Aufnahmen ansehen, dann rekonstruieren.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: look whether each name is right, then reconstruct.</source>
        <translation>Weiter: nachsehen, ob jeder Name stimmt, dann rekonstruieren.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: reconstruct again what you have changed.</source>
        <translation>Weiter: neu rekonstruieren, was Sie geändert haben.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Next: simulate radiographs of the CT.</source>
        <translation>Weiter: Aufnahmen aus dem CT simulieren.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>No checked vertebra has been moved or added since the result was made</source>
        <translation>Seit dem Ergebnis wurde kein angekreuzter Wirbel verschoben oder hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Nothing is running</source>
        <translation>Es läuft nichts</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Read radiographs from DICOM, picture or volume files and check how they are understood</source>
        <translation>Aufnahmen aus DICOM-, Bild- oder Volumendateien lesen und prüfen, wie sie verstanden werden</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Reconstruct all vertebrae of the table</source>
        <translation>Alle Wirbel der Tabelle rekonstruieren</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Reconstruct first, or choose a result</source>
        <translation>Rekonstruieren Sie zuerst, oder wählen Sie ein Ergebnis</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Say that the selected vertebra is the level that is chosen beside; all others follow (Shift+A)</source>
        <translation>Festlegen, dass der gewählte Wirbel den daneben gewählten Namen hat; alle anderen richten sich danach (Umschalt+A)</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Select a vertebra in the table first</source>
        <translation>Wählen Sie zuerst einen Wirbel in der Tabelle</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Stop the present task; earlier results stay as they are</source>
        <translation>Die laufende Aufgabe anhalten; frühere Ergebnisse bleiben, wie sie sind</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Take the last change of the centroids back (Ctrl+Z)</source>
        <translation>Die letzte Änderung der Mittelpunkte zurücknehmen (Strg+Z)</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The CPU will be used, which takes some seconds for each vertebra.</source>
        <translation>Gerechnet wird auf dem Prozessor; das dauert einige Sekunden je Wirbel.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The files of this result are not there any more: reconstruct all once</source>
        <translation>Die Dateien dieses Ergebnisses sind nicht mehr da: rekonstruieren Sie einmal alles</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The last run used the CPU, because there is no usable graphics card or its memory did not suffice.</source>
        <translation>Der letzte Lauf benutzte den Prozessor, weil es keine brauchbare Grafikkarte gibt oder ihr Speicher nicht reichte.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>The last run used {device}.</source>
        <translation>Der letzte Lauf benutzte: {device}.</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>There is nothing to redo</source>
        <translation>Es gibt nichts zu wiederholen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>There is nothing to undo</source>
        <translation>Es gibt nichts rückgängig zu machen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>This vertebra is locked; unlock it first</source>
        <translation>Dieser Wirbel ist festgehalten; geben Sie ihn zuerst frei</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Turn the 3D view slowly all around; press again to stop</source>
        <translation>Die 3D-Ansicht langsam ringsum drehen; nochmals drücken hält an</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Uncheck all, to choose single ones</source>
        <translation>Keinen ankreuzen, um einzelne zu wählen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Wait until the present task is finished, or cancel it</source>
        <translation>Warten Sie, bis die laufende Aufgabe fertig ist, oder brechen Sie sie ab</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>Write the result as it is now, with your corrections, to the chosen folder</source>
        <translation>Das Ergebnis in seinem jetzigen Zustand, mit Ihren Korrekturen, in den gewählten Ordner schreiben</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>casting rays</source>
        <translation>Strahlen werden verfolgt</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>comparing the outlines with the radiographs</source>
        <translation>Vergleich der Umrisse mit den Aufnahmen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>loading the network</source>
        <translation>das Netzwerk wird geladen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>looking what is there</source>
        <translation>es wird nachgesehen, was da ist</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>reading the files</source>
        <translation>Dateien werden gelesen</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>the CPU</source>
        <translation>Prozessor</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>the graphics card</source>
        <translation>Grafikkarte</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>the network computes</source>
        <translation>das Netzwerk rechnet</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>writing the files</source>
        <translation>Dateien werden geschrieben</translation>
    </message>
    <message>
        <location filename="../../ReVerteRLib/scene/panel_state.py"/>
        <source>{count} vertebrae in {seconds:.0f} s on {device}.</source>
        <translation>{count} Wirbel in {seconds:.0f} s; gerechnet hat: {device}.</translation>
    </message>
</context>
</TS>
