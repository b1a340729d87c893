// What the viewer is told: where the images are, the reader's language (window.kaname stands above), and to be quiet.
if (window.kaname.words) window.ohifLocales = { [window.kaname.language]: window.kaname.words };
localStorage.setItem('i18nextLng', window.kaname.language);
document.cookie = `i18next=${window.kaname.language}; path=/; SameSite=Strict`;

const { drawing } = window.kaname;
window.config = {
  name: 'kaname',
  routerBasename: '/ohif/',
  extensions: drawing ? [{ id: 'kaname.drawing', onModeEnter: told => drawing.begin(told.servicesManager) }] : [],
  modes: [],
  showStudyList: false,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  maxNumberOfWebWorkers: 2,
  measurementTrackingMode: 'simplified',
  disableConfirmationPrompts: true,
  investigationalUseDialog: { option: 'never' },
  studyPrefetcher: { enabled: false },
  customizationService: [
    {
      'ohif.tours': { $set: [] },
      ...(drawing && { measurementLabels: { $set: { labelOnMeasure: false, exclusive: true, items: drawing.labels } } }),
    },
  ],
  whiteLabeling: {
    createLogoComponentFn: React =>
      React.createElement(
        'span',
        { style: { color: '#fff', lineHeight: 1.3 } },
        React.createElement('strong', null, '要 Kaname'),
        React.createElement('span', { style: { display: 'block', fontSize: '0.75rem' } }, drawing ? window.kaname.say.note : window.kaname.note)
      ),
  },
  defaultDataSourceName: 'kaname',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'kaname',
      configuration: {
        friendlyName: 'Kaname',
        name: 'kaname',
        wadoUriRoot: '/dicomweb',
        qidoRoot: '/dicomweb',
        wadoRoot: '/dicomweb',
        qidoSupportsIncludeField: true,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: false,
        supportsStow: false,
        supportsReject: false,
        dicomUploadEnabled: false,
        singlepart: 'bulkdata,video',
        bulkDataURI: { enabled: true },
        omitQuotationForMultipartRequest: true,
      },
    },
  ],
};
