"""Stand-in for the module SampleData: sources are registered and listed, and nothing is downloaded."""

import logging

import slicer


class SampleDataSource:
    """One source. Fields that hold one value each a file must be of one length."""

    def __init__(
        self,
        sampleName=None,
        sampleDescription=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        checksums=None,
        loadFiles=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFileProperties=None,
    ):
        files = {"uris": uris, "fileNames": fileNames, "nodeNames": nodeNames, "checksums": checksums}
        files |= {"loadFiles": loadFiles, "loadFileTypes": loadFileTypes}
        for name, value in files.items():
            if isinstance(uris, str):
                value = [value]
            elif value is None and name != "fileNames":
                value = [None] * len(uris)
            setattr(self, name, value)
        if len({len(getattr(self, name)) for name in files}) != 1:
            raise ValueError(f"expected fields of one length, got {files}")
        self.sampleName = sampleName
        self.sampleDescription = sampleName if sampleDescription is None else sampleDescription
        self.customDownloader, self.thumbnailFileName = customDownloader, thumbnailFileName
        self.loadFileProperties = loadFileProperties or {}

    def __eq__(self, other):
        """Tell sources apart by every field, the function too: one that was loaded anew is another."""
        return vars(self) == vars(other)

    __hash__ = None


class SampleDataLogic:
    """The registered sources by category, kept at ``slicer.modules.sampleDataSources``."""

    @staticmethod
    def registerCustomSampleDataSource(category="Custom", sampleName=None, **fields):
        sources = SampleDataLogic.sampleDataSourcesByCategory().setdefault(category, [])
        source = SampleDataSource(sampleName=sampleName, **fields)
        if source not in sources:
            sources.append(source)

    @staticmethod
    def registerCustomSampleDataCategory(category, title):
        if not hasattr(slicer.modules, "sampleDataSourceCategories"):
            slicer.modules.sampleDataSourceCategories = {}
        slicer.modules.sampleDataSourceCategories.setdefault(category, {})["title"] = title

    @staticmethod
    def sampleDataSourcesByCategory(category=None):
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        sources = slicer.modules.sampleDataSources
        return sources if category is None else sources.get(category, [])

    def sourceForSampleName(self, sampleName):
        for sources in self.sampleDataSourcesByCategory().values():
            for source in sources:
                if source.sampleName == sampleName:
                    return source
        return None


def downloadSample(sampleName):
    """Return None: called from Python, Slicer does not use a source's own function."""
    if SampleDataLogic().sourceForSampleName(sampleName) is None:
        raise RuntimeError(f"no sample data of this name: {sampleName}")
    logging.info(f"{sampleName}: a stand-in downloads nothing")
