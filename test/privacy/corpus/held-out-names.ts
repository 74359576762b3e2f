/**
 * Names that none of the recognizers' lists has (a test compares them): what is measured with them is how well names are found that nobody has
 * written down. From all over the world, since customers come from there.
 */

function listed(names: string): readonly string[] {
  return names.trim().split(/\s+/);
}

/** First names that are in no list. */
export const rareFirstNames = listed(`
Thandeka Oyelaran Folake Xiulan Priyamvada Lindiwe Siobhan Cecily Alasdair Ysolde Zubeida Fitzwilliam Chidi Bronwen Ebenezer Anneliese Wojciech Hyacinth Tadhg Ottoline
Conall Ásgeir Saoirse Philomena Ruairí Nikhil Yevgenia Vivek Adaeze Babajide Chukwuemeka Dubem Ekene Kelechi Obinna Somtochukwu Uzoamaka Zainabu Makena Wanjiru Njoki
Kipchoge Atieno Achieng Tendai Rutendo Farai Tatenda Lwazi Thabiso Boitumelo Anahit Gevorg Hovhannes Siranush Tigranuhi Levan Nugzar Ketevan Tamta Zurab Aizhan Gulnara
Daulet Saule Zhanar Bakhtiyar Shavkat Ulugbek Aoibheann Caoimhe Diarmuid Eoghan Fionnuala Gráinne Muireann Niamhín Oisín Pádraig Sorcha Tiarnán Angharad Bryn Cerys Eilwen
Gwenllian Heddwyn Iorwerth Llewelyn Myfanwy Rhydderch Tegwen Catriona Eilidh Fergus Mairead Morag Ruaridh Torquil Anoushka Bhavna Chandrakant Gurpreet Harpreet Ishwar
Jaswinder Madhavan Nandini Omprakash Padmini Raghunath Sarojini Tejaswini Umesh Yashodhara Quynh Thuy Phuong Duc Hien Bao Tuyet Somchai Siriporn Kanya Wichai Rattana
Sokha Vannak Chanthou Bopha Wayan Ketut Agung Sefo Tavita Keoni Kahale Sione Losa Aroha Wiremu Hemi Ngaire Jiayi Zhiyuan Xinyi Haoran Yuxuan Meixiang Guangming Chuntao
Shufen Wenyan Haruto Tsubasa Chiyoko Nobuyuki Takumi Ayaka Shizuka Jiwoo Seojun Hyunwoo Minseo Eunji Taeyang Soojin Heriberto Cuauhtémoc Tonatiuh Zoraida Yolotl Fulgencio
Bienvenida Iñaki Ainhoa Gorka Amaia Unai Eneko Garazi Bérengère Cunégonde Gwendal Nolwenn Pasqualina Nunzia Rosalba Ottokar Waltraud Ekkehard Hannelore Kunigunde Wendelin
Roswitha Adelheid Detlef Heiderose Ingolf Liesbeth Mechthild Reinhild Sieglinde Volkmar Swantje Frauke Bjarte Gudmund Sigrunn Torfinn Ragnhild Åshild Øyvind Ingunn
Hallgeir Runar Vebjørn Jorunn Bogumiła Zbigniew Grażyna Mieczysław Bożena Sławomir Wiesław Radosław Dobromir Csilla Emőke Desislava Plamen Stoyan Rumyana Zornitsa
Snezhana Aristotelis Panagiotis Evanthia Kalliopi Stavroula Thanasis Vasiliki Haralambos Fotini Serkan Berfin Rojda Shirin Parisa Farhad Golnaz Houshang Mahnaz Bahram
Laleh Abdulrahim Ghada Hadeel Jumana Khuloud Nayef Tariq Wafaa Zaynab Dunya Fawzia Hisham Lubna Bartholomew Peregrine Tarquin Cosmo Perpetua Lettice Jocasta Araminta
Crispin Lysander Evadne Hermione Marmaduke Zebedee Leocadia Rosamund Sybil Barnaby Cuthbert Drusilla Elspeth Horatio Ianthe Brayleigh Jaxtyn Kynleigh Laquisha Shaniqua
Marquavious Breonna Trayvion Zyaire Khaleesi Paisleigh Oaklynn Kashton Jayceon
`);

/** First names that everybody knows, and lists too: half of the people have one of them, before a last name that is in no list. */
export const everydayFirstNames = listed(`
James Mary Robert Patricia Michael Linda David Elizabeth Richard Susan Joseph Jessica Thomas Sarah Daniel Karen Matthew Lisa Anthony Nancy Steven Emily Paul Laura Kevin Rachel
Brian Emma George Olivia Edward Hannah Ryan Megan Peter Claire Simon Helen Maria Carlos Sofia Miguel Lucia Marco Giulia Pierre Sophie Hans Anna Klaus Petra Ahmed Fatima Wei Priya
`);

/** Last names that are in no list. */
export const rareLastNames = listed(`
Oyelaran Abernathy-Cole Szymanski Whitlock Prydderch Delacroix Haverford MacGillivray Nakagawa Oduya Vandenbroucke Quayle Petrosyan Worthington Fontenot Etxeberria
Quisenberry Nkemelu Fairweather Þórsson Dhaliwal Swaminathan Mbappou Dimaculangan Pfefferkorn Nüsslein Zwettler Brandstätter Lüdemann Kerguelen Goikoetxea Pautasso
Squarcialupi Brunelleschi Aghasaryan Bagdasarian Chachkhiani Dzhabrailov Eshonqulov Farmanfarmaian Gvelesiani Hakobyants Kvirikashvili Lomidze Mkhitaryan Nazarbekov
Ordzhonikidze Pkhakadze Tskhakaia Vardanyants Zhvania Chukwudi Fagbenle Igbinedion Jegede Kuforiji Lamptey Mabuza Ndlovukazi Obasanjo Okereke Onwuatuegwu Oyebanji
Rwagasore Sekgoma Uwimana Wanyama Zulu-Khumalo Mukherjee Bhattacharjee Deshmukh Gangopadhyay Hegde Jayawardene Kulkarni Lokhande Mahalanobis Namboodiri Oommen Padmanabhan
Ranasinghe Subrahmanyam Thiruvengadam Venkataraghavan Wickremesinghe Ap-Gwilym Blethyn Cadwaladr Dafydd-Rees Eynon Gwynfryn Howells-Pugh Llwyd Merfyn Penhallow Rhosier
Trevelyan Trelawney Polkinghorne Nancarrow Chenoweth Boscawen Penrose-Hart Tregenza Auchterlonie Balquhidder Carruthers Colquhoun Dalrymple Farquharson Galbraith-Munro
Kirkcaldy Lochhead Mactaggart Menzies-Rae Ogilvie Pittendreigh Strachan Urquhart Wedderburn Abercrombie Babbington Cholmondeley Cracknell Duckworth Entwistle Fotheringham
Gathercole Higginbottom Inchbald Jellicoe Kettlewell Lavenham Micklethwait Nettleship Osbaldeston Pickersgill Quarrington Ramsbotham Shufflebottom Thistlethwaite
Uffington Vavasour Winterbourne Yarborough Zouche Ackroyd-Lunn Birtwhistle Crowther-Hall Dunderdale Eckersley Featherstone Greenhalgh Heckmondwike Satterthwaite Ramshaw
Tattersall Umfreville Wolstenholme Arceneaux Boudreaux Broussard Desormeaux Guidry Hebert-Lane Melancon Robichaux Thibodeaux Breckenridge Culpepper Dinwiddie
Fauntleroy Killingsworth Lightfoot Merriweather Pendergrass Ravenel Stubblefield Throckmorton Vanlandingham Weatherspoon Yellowhorse Begaye Tsosie Nakai Manygoats
Kanahele Kealoha Nakamura-Ito Abendroth Birkenfeld Czerwinsky Dammköhler Eichendorff Fürchtegott Gänsbauer Hohenwarter Ihlenfeld Jägermeyer Kälberer Löwenstern Mauthner
Niedermoser Oberhollenzer Pschierer Quandtmann Rübezahl Schweinsteiger Tröndle Unterkircher Vogelsanger Wackernagel Zeisberger Zirngibl Achleitner Brunnhuber Grasegger
Aucoin-Belair Bourdelois Champollion Desrochers Estournelles Fauvarque Guéhenno Hennebelle Jaouen Kervella Lescarbot Montgolfier Noirmoutier Oudinot Pontalier Quéméneur
Rocquencourt Sauvageau Tournemire Vauquelin Guivarc'h L'Hostis D'Alembert Aguirrezabala Beraskoetxea Carrascosa Dominguín Fuenmayor Gastañaga Hormaechea Irigoyen Jauregui
Larrañaga Mendizábal Nebreda Olaizola Peñarrocha Quintanilha Recabarren Saldarriaga Tejedor Urruticoechea Valderrama Yrigoyen Zumalacárregui Cuauhtli Xicoténcatl
Ixtlilxochitl Castiglioncello Dell'Acqua Frescobaldi Guicciardini Imbriani Lanzafame Novellino Ottobrini Quattrocchi Roccasecca Sgarlata Terracciano Urbinati Vespignani
Zingarelli Passalacqua Aðalsteinsson Bjerknes Drangsholt Ekornes Fagerheim Gullbrandsen Hjelmtveit Innselset Kvalheim Lillebø Mørkved Nordtømme Rønningstad Skjelbred
Tjøstheim Ulriksen Vågsether Östlundh Sjöqvist Ångström Kekkonen-Salo Pääkkönen Ylönen Błaszczykowski Chrząszcz Dąbrowiecki Gżegżółka Kościuszko Mścisławski Niedźwiedzki
Szczepaniak-Wolny Świętochowski Trzebiatowski Wróblewska Zagórzański Škvorecký Třeštík Vrchlický Žižkov Baranyai Fejérváry Görgey Hunyadvári Kölcsey Mikszáth Szilvásy
Vörösmarty Brâncoveanu Cantacuzino Ghilezan Lăpușneanu Negrescu Ștefănescu Anagnostopoulos Christodoulakis Dimitrakopoulos Economides Hatzigiannis Kalogeropoulou
Mavromichalis Papanikolaou Theocharous Xenopoulos Zografakis Demirkıran Eroğullari Gökçeada Karaosmanoğlu Özbekhan Taşkıran Yurdakul Amirkhani Bozorgmehr Ghorbanifar
Jahanbakhsh Khosrowshahi Mirfendereski Pahlevan Rafsanjanian Sohrabnejad Al-Sudairi Ben-Gurion El-Masry Abu-Ghazaleh Bin-Laden-Ross Haddadin Khoury-Nasr Makhlouf Qasemi
Shammari Zuaiter Nguyentran Phamvu Dinhle Wongsawat Srisuwan Charoenkul Sokhom Vongvichit Kusumawati Simatupang Panggabean Tuimavave Fonoti Leiataua Kahananui Ngata
Parata Te-Rangi Ouyang Zhuge Shangguan Murayama Hoshizaki Kuroyanagi Minamoto Shirakawa Tokunaga Namgung Seonwoo Hwangbo
`);

/** Towns that are in no list; `_` stands for a space. */
export const smallTowns = listed(`
Llanwrda Aberfeldy Ballachulish Clitheroe Dunkeld Eyemouth Frinton Haltwhistle Ilfracombe Jedburgh Kirkwall Lostwithiel Machynlleth Nailsworth Oundle Penmaenmawr
Queensferry Ravenglass Tobermory Uttoxeter Ventnor Whitby Ballinasloe Clonakilty Dungarvan Ennistymon Kinsale Listowel Skibbereen Bemidji Ishpeming Winnemucca Okmulgee
Ponca Wagga_Wagga Kalgoorlie Whanganui Oamaru Antigonish Gqeberha Mahikeng Sekondi Badenweiler Füssen Garmisch Jüterbog Kempten Meersburg Oberstdorf Rothenburg Waidhofen
Klagenfurt Solothurn Einsiedeln Briançon Figeac Honfleur Joigny Oloron Privas Quimperlé Sarlat Thonon Uzès Yvetot Albarracín Fraga Ibi Jaca Llanes Oñati Peñíscola
Sigüenza Tarazona Vejer Acqui Cefalù Erice Gubbio Lipari Orvieto Pienza Taormina Urbino Volterra Alberobello Bardonecchia Cernobbio Telč Nafplio Chania Kotor Piran Hoi_An
Darjeeling Tucumcari Tonopah Ketchum Panguitch Kayenta Chadron Ogallala Choteau Bucksport Damariscotta Brattleboro Skaneateles Penn_Yan Chincoteague Wytheville Hiawassee
Dahlonega Apalachicola Wewahitchka Itta_Bena Yazoo_City Chokoloskee Wapakoneta Punxsutawney Bryn_Athyn Kennebunkport Kalkaska Cheboygan Escanaba Quartzsite Ajo Bisbee
Sonoita Yreka Mendocino Gualala Tillamook Chehalis Omak Twisp Llandeilo Pwllheli Betws-y-Coed Dolgellau Llanberis Crickhowell Wigtown Kirkcudbright Pitlochry Plockton
Lochinver Ullapool Stromness Appleby Alnmouth Seahouses Corbridge Ambleside Hawes Masham Hebden_Bridge Clun Presteigne Totnes Salcombe Fowey Padstow Mousehole Porthleven
Axminster Wivenhoe Southwold Aldeburgh Knutsford Kenmare Dingle Doolin Ballyvaughan Inishmore Cashel Birr Schull Zwiesel Berchtesgaden Mittenwald Monschau Bernkastel
Cochem Bacharach Dinkelsbühl Tangermünde Bad_Doberan Zingst Sassnitz Hallstatt Gmunden Kitzbühel Zell_am_See Dürnstein Appenzell Zermatt Gstaad Collioure Cassis Gordes
Conques Rocamadour Cancale Roscoff Pont-Aven Étretat Barfleur Riquewihr Turckheim Annot Barcelonnette Cadaqués Besalú Olite Comillas Ribadesella Luarca Cudillero
Ortigueira Muxía Cazorla Mojácar Frigiliana Vernazza Portovenere Bobbio Cividale Asolo Montepulciano Pitigliano Spello Norcia Scanno Vieste Maratea Tropea Geilo Voss Flåm
Balestrand Røros Marstrand Rättvik Skagen Ribe Naantali Haapsalu Kuressaare Sigulda Nida Kazimierz Mikulov Štramberk Levoča Tokaj Hollókő Biertan Koprivshtitsa Melnik
Monemvasia Kardamyli Oia Perast Rovinj Hvar Škofja_Loka Mestia Sighnaghi Dilijan Tofino Ucluelet Lunenburg Mahone_Bay Gananoque Baie-Saint-Paul Tadoussac Akaroa Wanaka
Kaikoura Bicheno Strahan Coober_Pedy Kununurra Swellendam
`).map((town) => town.replaceAll('_', ' '));
